/* The operations of the file system; manners.h says what it is. */

#include "manners.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

int root;

static long room_taken;
static int torn_is_written;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- names ---- */

static int on_readlink(const char *path, char *target, size_t size)
{
    FIND(found, path);
    ssize_t length = readlinkat(root, found, target, size - 1);
    if (length < 0)
        return -errno;
    target[length] = '\0';
    return 0;
}

static int on_symlink(const char *target, const char *path)
{
    FIND(found, path);
    return answer(symlinkat(target, root, found));
}

static int on_mkdir(const char *path, mode_t mode)
{
    MAY_FAIL(switches.mkdir);
    FIND(found, path);
    return answer(mkdirat(root, found, mode));
}

static int on_rmdir(const char *path)
{
    MAY_FAIL(switches.rmdir);
    FIND(found, path);
    if (unlinkat(root, found, AT_REMOVEDIR) != 0)
        return -errno;
    note_removed(found);
    return 0;
}

static int on_unlink(const char *path)
{
    struct stat status;
    MAY_FAIL(switches.unlink);
    FIND(found, path);
    if (switches.unlink_open != 0 &&
        fstatat(root, found, &status, AT_SYMLINK_NOFOLLOW) == 0 && is_open(status.st_ino))
        return -switches.unlink_open;
    if (unlinkat(root, found, 0) != 0)
        return -errno;
    note_removed(found);
    return 0;
}

/* Whether this is the move that a gate lets not pass: one more than so many as it says. */
static int is_held(int gate)
{
    static struct stat last_gate;
    static int moves;
    struct stat status;
    char words[32] = "";
    if (fstat(gate, &status) != 0 || read(gate, words, sizeof words - 1) <= 0)
        return 0;
    pthread_mutex_lock(&lock);
    if (status.st_ino != last_gate.st_ino ||
        memcmp(&status.st_mtim, &last_gate.st_mtim, sizeof status.st_mtim) != 0)
        moves = 0;
    last_gate = status;
    int held = moves++ == atoi(words);
    pthread_mutex_unlock(&lock);
    return held;
}

/* As long as there is a gate, the move that it lets not pass tells so, and waits. */
static void pass_gate(void)
{
    const struct timespec moment = {0, 1000000};
    char reached[PATH_ROOM];
    int gate = switches.gate == NULL ? -1 : open(switches.gate, O_RDONLY | O_CLOEXEC);
    if (gate < 0)
        return;
    int held = is_held(gate);
    close(gate);
    if (!held)
        return;
    snprintf(reached, sizeof reached, "%s.reached", switches.gate);
    int pipe = open(reached, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (pipe < 0 || write(pipe, "x", 1) != 1)
        abort();
    close(pipe);
    while (access(switches.gate, F_OK) == 0)
        nanosleep(&moment, NULL);
}

static int rename_error(const char *from, const char *to, const char *found, const char *new_found,
                        unsigned flags)
{
    struct stat status, other;
    if (flags != 0 && switches.rename_flags != 0)
        return switches.rename_flags;
    if ((flags & RENAME_EXCHANGE) != 0 && switches.exchange != 0)
        return switches.exchange;
    if (switches.rename != 0)
        return switches.rename;
    if (switches.rename_across != 0 && !same_folder(from, to))
        return switches.rename_across;
    if (leaves_room(from, to))
        return EXDEV;
    if (fstatat(root, found, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (S_ISDIR(status.st_mode) && switches.rename_folder != 0)
        return switches.rename_folder;
    if (switches.rename_open != 0 && S_ISREG(status.st_mode) && is_open(status.st_ino))
        return switches.rename_open;
    if (switches.rename_over != 0 && (flags & RENAME_EXCHANGE) == 0 &&
        fstatat(root, new_found, &other, AT_SYMLINK_NOFOLLOW) == 0)
        return switches.rename_over;
    return 0;
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
    FIND(found, from);
    FIND(new_found, to);
    if (is_hidden(to)) {
        /* This is libfuse's way to unlink what is open. */
        MAY_FAIL(switches.rename);
    } else {
        pass_gate();
        MAY_FAIL(rename_error(from, to, found, new_found, flags));
    }
    if (renameat2(root, found, root, new_found, flags) != 0)
        return -errno;
    if ((flags & RENAME_EXCHANGE) == 0)
        note_removed(found);
    return 0;
}

static int on_link(const char *from, const char *to)
{
    MAY_FAIL(switches.link);
    if (leaves_room(from, to))
        return -EXDEV;
    pass_gate();
    FIND(found, from);
    FIND(new_found, to);
    return answer(linkat(root, found, root, new_found, 0));
}

/* ---- files ---- */

static int open_handle(const char *found, int flags, mode_t mode, struct fuse_file_info *info)
{
    struct stat status;
    struct handle *handle = calloc(1, sizeof *handle);
    if (handle == NULL)
        return -ENOMEM;
    handle->file = openat(root, found, (flags & ~(O_NOATIME | O_DIRECT)) | O_CLOEXEC, mode);
    if (handle->file < 0 || fstat(handle->file, &status) != 0) {
        int error = errno;
        free(handle);
        return -error;
    }
    note_opened(status.st_ino);
    info->fh = (uint64_t)(uintptr_t)handle;
    info->direct_io = switches.direct != 0;
    return 0;
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    MAY_FAIL(switches.create);
    FIND(found, path);
    int error = open_handle(found, info->flags | O_CREAT, mode, info);
    if (error == 0)
        set_server_time(handle_of(info)->file, NULL);
    return error;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    struct stat status;
    FIND(found, path);
    if (switches.lease > 0 && (info->flags & O_NONBLOCK) != 0 &&
        fstatat(root, found, &status, AT_SYMLINK_NOFOLLOW) == 0 && has_lease(status.st_ino))
        return -EAGAIN;
    return open_handle(found, info->flags, 0, info);
}

/* A file that a player is rewriting in place: until somebody has read its second half, its first
   half is still the old one, of zeros. Its times are those of the write, which has begun. */
static void tear(const char *path, int file, char *buffer, ssize_t length, off_t offset)
{
    struct stat status;
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    if (slash == NULL || strcmp(slash + 1, switches.torn) != 0 || fstat(file, &status) != 0)
        return;
    pthread_mutex_lock(&lock);
    for (ssize_t at = 0; at < length && !torn_is_written; at++)
        if (offset + at < status.st_size / 2)
            buffer[at] = 0;
    torn_is_written |= length > 0 && offset + length >= status.st_size;
    pthread_mutex_unlock(&lock);
}

static int on_read(const char *path, char *buffer, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    int file = handle_of(info)->file;
    if (switches.brief > 0 && size > (size_t)switches.brief)
        size = (size_t)switches.brief;
    ssize_t length = pread(file, buffer, size, offset);
    if (length > 0 && switches.torn != NULL)
        tear(path, file, buffer, length, offset);
    return answer(length);
}

/* How much of what is to be written there is room for. */
static size_t take_room(size_t size, long limit)
{
    pthread_mutex_lock(&lock);
    long left = limit - room_taken;
    size_t taken = left <= 0 ? 0 : size < (size_t)left ? size : (size_t)left;
    room_taken += (long)taken;
    pthread_mutex_unlock(&lock);
    return taken;
}

static int on_write(const char *path, const char *bytes, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    struct handle *handle = handle_of(info);
    size_t taken = size;
    (void)path;
    MAY_FAIL(switches.write);
    handle->written = 1;
    if (switches.brief > 0 && size > (size_t)switches.brief)
        size = taken = (size_t)switches.brief;
    if (switches.full >= 0) {
        size = taken = take_room(size, switches.full);
        if (taken == 0)
            return -ENOSPC;
    } else if (switches.full_late >= 0) {
        taken = take_room(size, switches.full_late);
        handle->lost |= taken < size;
    }
    ssize_t written = pwrite(handle->file, bytes, taken, offset);
    set_server_time(handle->file, NULL);
    /* What was lost is told later. */
    return written < 0 ? -errno : written == (ssize_t)taken ? (int)size : (int)written;
}

/* An error that comes when the file is closed or synchronized, and once only. */
static int late_error(struct handle *handle)
{
    int lost = handle->lost;
    handle->lost = 0;
    return lost ? -ENOSPC : 0;
}

static int on_flush(const char *path, struct fuse_file_info *info)
{
    struct handle *handle = handle_of(info);
    (void)path;
    if (handle->written)
        MAY_FAIL(switches.flush);
    return late_error(handle);
}

static int on_release(const char *path, struct fuse_file_info *info)
{
    struct stat status;
    struct handle *handle = handle_of(info);
    (void)path;
    if (fstat(handle->file, &status) == 0)
        note_closed(status.st_ino, handle->written);
    close(handle->file);
    free(handle);
    return 0;
}

static int on_fsync(const char *path, int is_data, struct fuse_file_info *info)
{
    struct handle *handle = handle_of(info);
    (void)path, (void)is_data;
    MAY_FAIL(switches.fsync);
    return late_error(handle);
}

static int on_fsyncdir(const char *path, int is_data, struct fuse_file_info *info)
{
    (void)path, (void)is_data, (void)info;
    MAY_FAIL(switches.fsyncdir);
    return 0;
}

static int on_flock(const char *path, struct fuse_file_info *info, int operation)
{
    (void)path;
    MAY_FAIL(switches.flock);
    return answer(flock(handle_of(info)->file, operation));
}

static int on_lock(const char *path, struct fuse_file_info *info, int command, struct flock *range)
{
    struct handle *handle = handle_of(info);
    (void)path;
    MAY_FAIL(switches.lock);
    /* Whoever closes a file, and has no lock of it, ends none. */
    if (range->l_type == F_UNLCK && handle->lock_owner != info->lock_owner)
        return 0;
    range->l_pid = 0;
    int is_asked = command == F_GETLK;
    command = is_asked ? F_OFD_GETLK : command == F_SETLK ? F_OFD_SETLK : F_OFD_SETLKW;
    int result = answer(fcntl(handle->file, command, range));
    if (result == 0 && !is_asked)
        handle->lock_owner = info->lock_owner;
    return result;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->use_ino = 1;
    /* Otherwise libfuse renames what is unlinked while it is open. */
    config->hard_remove = switches.unlink_open != 0 || switches.unlinked;
    /* Each look asks. */
    config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
    return NULL;
}

static struct fuse_operations operations = {
    .init = on_init,
    .getattr = on_getattr,
    .chmod = on_chmod,
    .chown = on_chown,
    .utimens = on_utimens,
    .truncate = on_truncate,
    .statfs = on_statfs,
    .setxattr = on_setxattr,
    .getxattr = on_getxattr,
    .listxattr = on_listxattr,
    .removexattr = on_removexattr,
    .readlink = on_readlink,
    .symlink = on_symlink,
    .mkdir = on_mkdir,
    .rmdir = on_rmdir,
    .unlink = on_unlink,
    .rename = on_rename,
    .link = on_link,
    .create = on_create,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .release = on_release,
    .fsync = on_fsync,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .releasedir = on_releasedir,
    .fsyncdir = on_fsyncdir,
};

int main(int count, char **words)
{
    struct fuse_args arguments = FUSE_ARGS_INIT(count, words);
    char *folder = NULL;
    if (parse_switches(&arguments, &folder) != 0 || folder == NULL) {
        fputs("manners FOLDER MOUNTPOINT [-o SWITCH=VALUE,...]\n", stderr);
        return 2;
    }
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        perror(folder);
        return 2;
    }
    if (switches.flock != 0)
        operations.flock = on_flock;
    if (switches.lock != 0)
        operations.lock = on_lock;
    umask(0);
    return fuse_main(arguments.argc, arguments.argv, &operations, NULL);
}
