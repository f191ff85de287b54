/* Looks at files, and their attributes. */

#include "manners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    if (info != NULL) {
        if (fstat(handle_of(info)->file, status) != 0)
            return -errno;
    } else {
        FIND(found, path);
        if (fstatat(root, found, status, AT_SYMLINK_NOFOLLOW) != 0)
            return -errno;
    }
    make_up(path, status);
    if (is_hidden(path))
        status->st_nlink = 0;
    return 0;
}

int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    MAY_FAIL(switches.chmod);
    if (switches.drop_chmod)
        return 0;
    if (info != NULL)
        return answer(fchmod(handle_of(info)->file, mode));
    FIND(found, path);
    return answer(fchmodat(root, found, mode, 0));
}

int on_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info)
{
    MAY_FAIL(switches.chown);
    if (info != NULL)
        return answer(fchown(handle_of(info)->file, user, group));
    FIND(found, path);
    return answer(fchownat(root, found, user, group, AT_SYMLINK_NOFOLLOW));
}

int on_utimens(const char *path, const struct timespec times[2],
                      struct fuse_file_info *info)
{
    MAY_FAIL(switches.utimens);
    int omits = times[0].tv_nsec == UTIME_OMIT || times[1].tv_nsec == UTIME_OMIT;
    if (switches.drop_utimens || (switches.drop_omit && omits))
        return 0;
    if (info != NULL)
        return answer(futimens(handle_of(info)->file, times));
    FIND(found, path);
    return answer(utimensat(root, found, times, AT_SYMLINK_NOFOLLOW));
}

int on_truncate(const char *path, off_t length, struct fuse_file_info *info)
{
    if (info != NULL) {
        handle_of(info)->written = 1;
        return answer(ftruncate(handle_of(info)->file, length));
    }
    FIND(found, path);
    int file = openat(root, found, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -errno;
    int result = answer(ftruncate(file, length));
    close(file);
    return result;
}

int on_statfs(const char *path, struct statvfs *status)
{
    (void)path;
    MAY_FAIL(switches.statfs);
    return answer(fstatvfs(root, status));
}

/* An attribute's path: there are no such calls relative to a folder. */
#define FIND_BY_PROC(full, path)                                                                   \
    MAY_FAIL(switches.xattr);                                                                      \
    FIND(found, path);                                                                             \
    char full[PATH_ROOM + 32];                                                                     \
    snprintf(full, sizeof full, "/proc/self/fd/%d/%s", root, found)

int on_setxattr(const char *path, const char *name, const char *value, size_t size,
                       int flags)
{
    FIND_BY_PROC(full, path);
    return answer(lsetxattr(full, name, value, size, flags));
}

int on_getxattr(const char *path, const char *name, char *value, size_t size)
{
    FIND_BY_PROC(full, path);
    return answer(lgetxattr(full, name, value, size));
}

int on_listxattr(const char *path, char *list, size_t size)
{
    FIND_BY_PROC(full, path);
    return answer(llistxattr(full, list, size));
}

int on_removexattr(const char *path, const char *name)
{
    FIND_BY_PROC(full, path);
    return answer(lremovexattr(full, name));
}
