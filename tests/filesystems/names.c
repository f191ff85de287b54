/* What a name leads to: names that are folded together or refused, and rooms that nothing
 * leaves. */

#include "manners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Letters with an accent, in one piece and as a letter and an accent (NFC and NFD). */
static const struct {
    const char *composed, *decomposed;
} ACCENTS[] = {
    {"\u00e0", "a\u0300"}, {"\u00e1", "a\u0301"}, {"\u00e4", "a\u0308"}, {"\u00e8", "e\u0300"},
    {"\u00e9", "e\u0301"}, {"\u00f1", "n\u0303"}, {"\u00f3", "o\u0301"}, {"\u00f6", "o\u0308"},
    {"\u00fa", "u\u0301"}, {"\u00fc", "u\u0308"},
};

/* A name with its accents composed. */
static void compose(const char *name, char *composed)
{
    while (*name != '\0') {
        size_t taken = 0;
        for (size_t index = 0; index < sizeof ACCENTS / sizeof ACCENTS[0] && taken == 0; index++) {
            size_t length = strlen(ACCENTS[index].decomposed);
            if (strncmp(name, ACCENTS[index].decomposed, length) == 0) {
                composed = stpcpy(composed, ACCENTS[index].composed);
                taken = length;
            }
        }
        if (taken == 0)
            *composed++ = *name;
        name += taken == 0 ? 1 : taken;
    }
    *composed = '\0';
}

static int is_same_name(const char *one, const char *other)
{
    if (strcmp(switches.fold, "case") == 0)
        return strcasecmp(one, other) == 0;
    char first[NAME_MAX + 1], second[NAME_MAX + 1];
    compose(one, first);
    compose(other, second);
    return strcmp(first, second) == 0;
}

/* The name that is there already, if one is that is the same here. */
static void unfold(const char *folder, char *name)
{
    struct stat status;
    char path[PATH_ROOM];
    if (strlen(folder) + strlen(name) + 2 > sizeof path)
        return;
    stpcpy(stpcpy(stpcpy(path, folder), "/"), name);
    if (fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return;
    int opened = openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = opened < 0 ? NULL : fdopendir(opened);
    if (listing == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (is_same_name(entry->d_name, name)) {
            strcpy(name, entry->d_name);
            break;
        }
    closedir(listing);
}

static int is_utf8(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    while (*at != '\0') {
        int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
        if (more < 0)
            return 0;
        for (at++; more > 0; more--, at++)
            if (*at >> 6 != 2)
                return 0;
    }
    return 1;
}

static int refusal(const char *name)
{
    if (switches.refuse != NULL && strpbrk(name, switches.refuse) != NULL)
        return -EINVAL;
    if (switches.utf8 && !is_utf8(name))
        return -EILSEQ;
    if (switches.name_max > 0 && strlen(name) > (size_t)switches.name_max)
        return -ENAMETOOLONG;
    return 0;
}

int is_hidden(const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    return slash != NULL && strncmp(slash, "/.fuse_hidden", strlen("/.fuse_hidden")) == 0;
}

int find_path(const char *path, char *found)
{
    size_t length = 1;
    /* They are nobody's any more, and in nobody's way. */
    if (switches.hidden != NULL && is_hidden(path)) {
        if (strlen(switches.hidden) + strlen(strrchr(path, '/')) >= PATH_ROOM)
            return -ENAMETOOLONG;
        stpcpy(stpcpy(found, switches.hidden), strrchr(path, '/'));
        return 0;
    }
    strcpy(found, ".");
    while (*path != '\0') {
        while (*path == '/')
            path++;
        if (*path == '\0')
            break;
        size_t bytes = (size_t)(strchrnul(path, '/') - path);
        char name[NAME_MAX + 1];
        if (bytes > NAME_MAX || length + NAME_MAX + 2 > PATH_ROOM)
            return -ENAMETOOLONG;
        memcpy(name, path, bytes);
        name[bytes] = '\0';
        path += bytes;
        int error = refusal(name);
        if (error != 0)
            return error;
        for (size_t end = bytes; switches.strip && end > 1 && strchr(". ", name[end - 1]) != NULL;)
            name[--end] = '\0';
        if (switches.fold != NULL)
            unfold(found, name);
        found[length] = '/';
        strcpy(found + length + 1, name);
        length += 1 + strlen(name);
    }
    return 0;
}

static int is_inside(const char *path)
{
    size_t length = strlen(switches.room);
    return strncmp(path, switches.room, length) == 0 && path[length] == '/';
}

int leaves_room(const char *from, const char *to)
{
    return switches.room != NULL && is_inside(from) != is_inside(to);
}

int same_folder(const char *one, const char *other)
{
    size_t length = (size_t)(strrchr(one, '/') - one);
    return length == (size_t)(strrchr(other, '/') - other) && strncmp(one, other, length) == 0;
}
