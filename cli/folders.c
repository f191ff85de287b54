/* The folders of a store, and what the kernel tells of their changes: inotify(7). */
#ifdef __linux__
#define _GNU_SOURCE /* openat, struct stat's st_mtim, d_type */
#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <wmlb.h>

#include "print.h"

enum {
    CHANGES = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
              IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF,
    OF_THE_FOLDER = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED,
    FOLDER = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC,
    DEEPEST = 256, /* each level of folders is open while those below it are looked at */
    MOST_READS = 64
};

struct folders begin_folders(const char *store, const char *backups)
{
    int queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    return (struct folders){.store = store, .backups = backups, .queue = queue,
                            .look_again = true, .failure = queue < 0 ? errno : 0};
}

void end_folders(struct folders *folders)
{
    if (folders->queue >= 0)
        close(folders->queue);
    free(folders->database);
    free(folders->list);
}

/* Where a number is in the list, or belongs. */
static size_t place_of(const struct folders *folders, int number)
{
    size_t low = 0, high = folders->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (folders->list[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct folder *find_folder(const struct folders *folders, int number)
{
    size_t at = place_of(folders, number);

    return at < folders->count && folders->list[at].number == number ? &folders->list[at] : NULL;
}

static void drop_folder(struct folders *folders, struct folder *folder)
{
    size_t after = folders->count - (size_t)(folder - folders->list) - 1;

    memmove(folder, folder + 1, after * sizeof *folder);
    folders->count--;
}

/* Adds a folder unless it is there; NULL when there is no memory. The kernel's numbers grow. */
static struct folder *take_folder(struct folders *folders, int number, bool *is_new)
{
    size_t at = place_of(folders, number);
    struct folder *list = folders->list;

    *is_new = at == folders->count || list[at].number != number;
    if (!*is_new)
        return &list[at];
    if ((folders->count & (folders->count + 1)) == 0) /* it is full: 0, 1, 3, 7 ... */
        list = realloc(list, (2 * folders->count + 1) * sizeof *list);
    if (list == NULL)
        return NULL;
    folders->list = list;
    memmove(&list[at + 1], &list[at], (folders->count - at) * sizeof *list);
    list[at] = (struct folder){.number = number};
    folders->count++;
    return &list[at];
}

/* Names in the folder of backups that backups use; the kernel's are of files that have none yet. */
static bool is_of_backups(const char *name)
{
    return fnmatch("#[0-9]*", name, 0) == 0 || strcmp(name, WMLB_BACKUP_FILE_NAME) == 0 ||
           fnmatch(".licenses.wmlb.*.tmp", name, 0) == 0 ||
           fnmatch("licenses-????????T??????Z*.wmlb", name, 0) == 0;
}

/* Whether a name is that of the database which is the store, or of its journal or log. */
static bool is_of_database(const struct folders *folders, const char *name)
{
    size_t length = folders->database != NULL ? strlen(folders->database) : 0;
    const char *more = name + length;

    return length > 0 && strncmp(name, folders->database, length) == 0 &&
           (*more == 0 || strcmp(more, "-wal") == 0 || strcmp(more, "-journal") == 0);
}

static bool is_change(struct folders *folders, const struct inotify_event *event)
{
    const char *name = event->len > 0 ? event->name : "";
    struct folder *folder = find_folder(folders, event->wd);

    if (event->mask & IN_Q_OVERFLOW) {
        folders->look_again = true;
        return true;
    }
    if (folder == NULL) /* it is not watched any more */
        return false;
    if (event->mask & OF_THE_FOLDER) {
        if (event->mask & IN_IGNORED)
            drop_folder(folders, folder);
        folders->look_again = true;
        return true;
    }
    if ((folder->has_backups && is_of_backups(name)) ||
        (folder->is_beside && !is_of_database(folders, name)))
        return false;
    folders->look_again |= (event->mask & IN_ISDIR) != 0;
    return true;
}

bool read_changes(struct folders *folders)
{
    static _Alignas(struct inotify_event) char told[1 << 16];
    bool changed = false;

    for (int i = 0; i < MOST_READS; i++) {
        ssize_t got = read(folders->queue, told, sizeof told);

        if (got <= 0)
            break;
        for (char *at = told; at < told + got;) {
            const struct inotify_event *event = (const void *)at;

            changed |= is_change(folders, event);
            at += sizeof *event + event->len;
        }
    }
    return changed;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Watches an open folder; whether it was not watched before. */
static bool watch_folder(struct folders *folders, int file, bool is_beside)
{
    char path[32];
    struct stat status;
    struct folder *folder;
    bool is_new;
    int number;

    if (folders->queue < 0)
        return false;
    /* By descriptor: of a path, folders may be moved meanwhile. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    number = inotify_add_watch(folders->queue, path, CHANGES | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (number < 0) {
        if (errno != EACCES) /* what cannot be read is a matter of the backup */
            folders->failure = errno;
        return false;
    }
    folder = take_folder(folders, number, &is_new);
    if (folder == NULL) {
        inotify_rm_watch(folders->queue, number);
        folders->failure = ENOMEM;
        return false;
    }
    folder->look = folders->look;
    folder->is_beside = is_beside;
    folder->has_backups = fstat(file, &status) == 0 && is_same(&status, &folders->backups_status);
    return is_new;
}

static uint64_t mixed(uint64_t hash, const void *data, size_t length)
{
    for (const unsigned char *at = data; length > 0; length--)
        hash = (hash ^ *at++) * 1099511628211u; /* FNV-1a */
    return hash;
}

/* Counts an entry of a folder, in any order. */
static void count_entry(struct folders *folders, const char *name, const struct stat *status)
{
    uint64_t hash = mixed(14695981039346656037u, name, strlen(name));
    int64_t facts[] = {
        (int64_t)status->st_ino, status->st_mode, status->st_size,
        status->st_mtim.tv_sec, status->st_mtim.tv_nsec,
        status->st_ctim.tv_sec, status->st_ctim.tv_nsec,
    };

    folders->found += mixed(hash, facts, sizeof facts);
}

static bool look_into(struct folders *folders, int file, int depth);

/* Looks at an entry of a folder. Whether there was a folder that is new. */
static bool look_at(struct folders *folders, int file, const struct dirent *entry, int depth)
{
    const char *name = entry->d_name;
    bool is_folder = entry->d_type == DT_DIR;
    struct stat status;
    int inner;

    if ((folders->counts || entry->d_type == DT_UNKNOWN) &&
        fstatat(file, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        is_folder = S_ISDIR(status.st_mode);
        if (!is_folder && !is_of_backups(name))
            count_entry(folders, name, &status);
    }
    if (!is_folder)
        return false;
    inner = depth < DEEPEST ? openat(file, name, FOLDER | O_NOFOLLOW) : -1;
    if (inner >= 0)
        return look_into(folders, inner, depth + 1);
    if (depth == DEEPEST || errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        folders->failure = depth == DEEPEST ? ENAMETOOLONG : errno;
    return false;
}

/* Watches an open folder and those in it, and closes it. Whether there was a new one. It is watched
 * before it is read: of what comes later, the kernel tells. */
static bool look_into(struct folders *folders, int file, int depth)
{
    bool is_new = watch_folder(folders, file, false);
    DIR *folder = fdopendir(file);
    const struct dirent *entry;

    if (folder == NULL) {
        folders->failure = errno;
        close(file);
        return is_new;
    }
    while (!signaled && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            is_new |= look_at(folders, file, entry, depth);
    closedir(folder);
    return is_new;
}

/* Counts what a store that is a file consists of, in its open folder. */
static void count_database(struct folders *folders, int file)
{
    DIR *folder = fdopendir(dup(file));
    const struct dirent *entry;
    struct stat status;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (is_of_database(folders, entry->d_name) && fstatat(file, entry->d_name, &status, 0) == 0)
            count_entry(folders, entry->d_name, &status);
    if (folder != NULL)
        closedir(folder);
}

/* A store that is a file: its folder is watched, where what belongs to it comes and goes. */
static bool look_beside(struct folders *folders)
{
    char *path = realpath(folders->store, NULL);
    char *slash = path != NULL ? strrchr(path, '/') : NULL;
    bool is_new = false;
    int file;

    free(folders->database);
    folders->database = slash != NULL ? strdup(slash + 1) : NULL;
    if (slash != NULL) {
        slash[1] = 0;
        file = open(path, FOLDER);
        is_new = file >= 0 && watch_folder(folders, file, true);
        if (file >= 0 && folders->counts)
            count_database(folders, file);
        if (file >= 0)
            close(file);
    }
    free(path);
    return is_new;
}

/* Watches no more what was not found. */
static void drop_others(struct folders *folders)
{
    struct folder *kept = folders->list;

    if (folders->count == 0)
        return;
    for (struct folder *at = kept; at < folders->list + folders->count; at++)
        if (at->look == folders->look)
            *kept++ = *at;
        else
            inotify_rm_watch(folders->queue, at->number);
    folders->count = (size_t)(kept - folders->list);
}

static bool look_once(struct folders *folders)
{
    int file = open(folders->store, FOLDER);
    bool is_new = false;

    folders->look++;
    folders->found = 0;
    folders->failure = folders->queue < 0 ? folders->failure : 0;
    folders->there = stat(folders->store, &folders->store_status) == 0;
    if (stat(folders->backups, &folders->backups_status) != 0)
        folders->backups_status = (struct stat){.st_ino = 0};
    if (file >= 0)
        is_new = look_into(folders, file, 0);
    else if (folders->there)
        is_new = look_beside(folders);
    drop_others(folders);
    return is_new;
}

bool look(struct folders *folders)
{
    bool is_new;

    folders->look_again = false;
    is_new = look_once(folders);
    if (folders->failure != 0 && !folders->counts) {
        folders->counts = true;
        is_new |= look_once(folders);
    }
    folders->counts = folders->failure != 0;
    return is_new;
}

bool glance(struct folders *folders)
{
    struct stat status;
    uint64_t before = folders->found;
    bool is_there = stat(folders->store, &status) == 0;

    if (is_there != folders->there || (is_there && !is_same(&status, &folders->store_status))) {
        folders->look_again = true;
        return true;
    }
    return folders->counts && (look(folders) || folders->found != before);
}
#endif
