/*
 * A file system (FUSE 3) that shows a folder with manners that other file systems have:
 *
 *     manners FOLDER MOUNTPOINT [-o SWITCH=VALUE,...] [what FUSE takes]
 *
 * Without a switch it is as good as the folder's own file system, except that there are no
 * unnamed files. switches.c has the list of the switches.
 */

#ifndef MANNERS_H
#define MANNERS_H

#define FUSE_USE_VERSION 35
#define _FILE_OFFSET_BITS 64
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fuse.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* As the value of flock or lock: the server has such locks, and all its mounts share them. */
enum { SHARED = -1 };
/* Where a number was not given. */
enum { UNSET = -1 };
/* Of a path below the folder. */
enum { PATH_ROOM = PATH_MAX + NAME_MAX + 2 };

/* What the switches say. The errors are errno numbers; 0: there is none. */
struct switches {
    /* What is not there, or not allowed. */
    int chmod, chown, utimens, link, rename, rename_flags, exchange, rename_folder, rename_over;
    int rename_across, rename_open, unlink, unlink_open, rmdir, mkdir, create, write;
    int fsync, fsyncdir, flush, statfs, xattr, flock, lock, unlinked;
    /* What is dropped with a success. */
    int drop_utimens, drop_omit, drop_chmod;
    /* What is made up. */
    int file_mode, dir_mode, owner, nlink, time_step, time_skew, ctime_now, size_pad, size_zero;
    int size_late, dtype_unknown;
    char *ino, *listing;
    int stale;
    /* Names. */
    char *fold, *refuse, *room;
    int strip, utf8, name_max;
    /* Room, and what comes in pieces. */
    long full, full_late;
    int brief, direct, readdir_fail, lease;
    /* For tests that need a moment: a move waits as long as this file is there. */
    char *gate;
    /* Where unlinked files are kept until they are closed; without it: where they were. */
    char *hidden;
    /* A file that is just being rewritten in place (its name). */
    char *torn;
};

extern struct switches switches;
/* The folder that is shown. */
extern int root;

int parse_switches(struct fuse_args *arguments, char **folder);

/* ---- what all operations use ---- */

/* The result of a system call, as FUSE wants it. */
static inline int answer(long result)
{
    return result < 0 ? -errno : (int)result;
}

/* Fails where a switch says so. */
#define MAY_FAIL(error)                                                                            \
    do {                                                                                           \
        int number = (error);                                                                      \
        if (number > 0)                                                                            \
            return -number;                                                                        \
    } while (0)

/* Declares the path below root. */
#define FIND(found, path)                                                                          \
    char found[PATH_ROOM];                                                                         \
    do {                                                                                           \
        int refused = find_path(path, found);                                                      \
        if (refused != 0)                                                                          \
            return refused;                                                                        \
    } while (0)

/* ---- names.c ---- */

/* The path below root of what is called so, or an error. */
int find_path(const char *path, char *found);
/* Whether a rename or a link from one to the other leaves its room. */
int leaves_room(const char *from, const char *to);
/* Whether libfuse calls a file so that was unlinked while it was open. */
int is_hidden(const char *path);
/* Whether both lie in one folder. */
int same_folder(const char *one, const char *other);

/* ---- listings.c ---- */

void note_removed(const char *path);
int on_opendir(const char *path, struct fuse_file_info *info);
int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
               struct fuse_file_info *info, enum fuse_readdir_flags flags);
int on_releasedir(const char *path, struct fuse_file_info *info);

/* ---- attributes.c ---- */

int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info);
int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info);
int on_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info);
int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info);
int on_truncate(const char *path, off_t length, struct fuse_file_info *info);
int on_statfs(const char *path, struct statvfs *status);
int on_setxattr(const char *path, const char *name, const char *value, size_t size, int flags);
int on_getxattr(const char *path, const char *name, char *value, size_t size);
int on_listxattr(const char *path, char *list, size_t size);
int on_removexattr(const char *path, const char *name);

/* ---- looks.c ---- */

/* A file that somebody has open. */
struct handle {
    int file;
    int written; /* since the last error was told */
    int lost;    /* there was no room for something */
    uint64_t lock_owner;
};

static inline struct handle *handle_of(const struct fuse_file_info *info)
{
    return (struct handle *)(uintptr_t)info->fh;
}

/* What stat is told; path is as the caller wrote it, NULL where it has none any more. */
void make_up(const char *path, struct stat *status);
uint64_t made_up_ino(const char *path, const struct stat *status);

/* What is remembered of a file, by its true inode number. */
void note_opened(ino_t ino);
void note_closed(ino_t ino, int was_written);
/* Whether somebody has it open; one that is just being closed is waited for. */
int is_open(ino_t ino);
/* Whether a lease is to be given up before it may be opened: so often says EAGAIN. */
int has_lease(ino_t ino);
/* The server's clock, as the time of a file that was just written. */
void set_server_time(int folder, const char *path);

#endif
