/* How a folder is listed: freshly each time, as it was when it was opened, once only, with what is
   not there any more, or not to its end. */

#include "manners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *name;
    ino_t ino;
    unsigned char type;
};

struct listing {
    char path[PATH_ROOM]; /* below root */
    struct entry *entries;
    size_t count;
    int is_read, has_ended;
};

/* A name that was removed, and how many listings of its folder still have it. */
struct removed {
    struct removed *next;
    int left;
    char folder[PATH_ROOM], name[NAME_MAX + 1];
};

static struct removed *all_removed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is(const char *value, const char *word)
{
    return value != NULL && strcmp(value, word) == 0;
}

/* path: below root. */
void note_removed(const char *path)
{
    if (switches.stale == 0)
        return;
    const char *slash = strrchr(path, '/');
    struct removed *one = calloc(1, sizeof *one);
    if (slash == NULL || one == NULL)
        abort();
    memcpy(one->folder, path, (size_t)(slash - path));
    strcpy(one->name, slash + 1);
    one->left = switches.stale;
    pthread_mutex_lock(&lock);
    one->next = all_removed;
    all_removed = one;
    pthread_mutex_unlock(&lock);
}

static void add(struct listing *listing, const char *name, ino_t ino, unsigned char type)
{
    struct entry *grown = realloc(listing->entries, (listing->count + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown == NULL || copy == NULL)
        abort();
    listing->entries = grown;
    grown[listing->count++] = (struct entry){copy, ino, type};
}

static void forget(struct listing *listing)
{
    while (listing->count > 0)
        free(listing->entries[--listing->count].name);
}

static void add_removed(struct listing *listing)
{
    pthread_mutex_lock(&lock);
    for (struct removed *one = all_removed; one != NULL; one = one->next) {
        int is_listed = one->left <= 0 || strcmp(one->folder, listing->path) != 0;
        for (size_t index = 0; !is_listed && index < listing->count; index++)
            is_listed = strcmp(one->name, listing->entries[index].name) == 0;
        if (!is_listed) {
            one->left--;
            add(listing, one->name, 1, DT_REG);
        }
    }
    pthread_mutex_unlock(&lock);
}

static int load(struct listing *listing)
{
    int folder = openat(root, listing->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *opened = folder < 0 ? NULL : fdopendir(folder);
    if (opened == NULL)
        return -errno;
    forget(listing);
    for (struct dirent *entry; (entry = readdir(opened)) != NULL;)
        add(listing, entry->d_name, entry->d_ino, entry->d_type);
    closedir(opened);
    add_removed(listing);
    return 0;
}

int on_opendir(const char *path, struct fuse_file_info *info)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return -ENOMEM;
    int error = find_path(path, listing->path);
    if (error == 0 && is(switches.listing, "snapshot"))
        error = load(listing);
    if (error != 0)
        free(listing);
    else
        info->fh = (uint64_t)(uintptr_t)listing;
    return error;
}

int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
               struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    struct listing *listing = (struct listing *)(uintptr_t)info->fh;
    int is_snapshot = is(switches.listing, "snapshot"), is_once = is(switches.listing, "once");
    (void)path, (void)flags;
    if (offset == 0 && is_once && listing->has_ended)
        return 0;
    /* Who begins again wants to know what is there by now. */
    if (offset == 0 && !is_snapshot && !(is_once && listing->is_read)) {
        int error = load(listing);
        if (error != 0)
            return error;
    }
    listing->is_read = 1;
    size_t first = (size_t)offset;
    for (size_t index = first; index < listing->count; index++) {
        if (switches.readdir_fail >= 0 && index >= (size_t)switches.readdir_fail)
            return index == first ? -EIO : 0;
        const struct entry *entry = &listing->entries[index];
        struct stat status = {.st_ino = entry->ino};
        char full[PATH_ROOM + NAME_MAX + 2];
        stpcpy(stpcpy(stpcpy(full, listing->path + 1), "/"), entry->name);
        status.st_ino = made_up_ino(full, &status);
        status.st_mode = switches.dtype_unknown ? 0 : DTTOIF(entry->type);
        if (fill(buffer, entry->name, &status, (off_t)index + 1, 0) != 0)
            return 0;
    }
    listing->has_ended = 1;
    return 0;
}

int on_releasedir(const char *path, struct fuse_file_info *info)
{
    struct listing *listing = (struct listing *)(uintptr_t)info->fh;
    (void)path;
    forget(listing);
    free(listing->entries);
    free(listing);
    return 0;
}
