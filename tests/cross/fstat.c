/*
 * qemu 7.2 answers the system call fstat of s390x without the nanoseconds, but not newfstatat. A
 * program that is linked for an old glibc makes the first: this is loaded before, and makes the
 * other.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

int __fxstat(int version, int fd, struct stat *stat)
{
    (void)version;
    return fstatat(fd, "", stat, AT_EMPTY_PATH);
}

/* What differs from the other on 32 bits only. */
int __fxstat64(int version, int fd, struct stat *stat)
{
    return __fxstat(version, fd, stat);
}
