/*
 * A file system (FUSE) with one file, "disk", that is kept in $BLOCKLOG_DISK: what is written to
 * it, and each flush, is recorded in $BLOCKLOG_RECORD. Loop-mounted, that is what a disk is told.
 * Writing to "mark" records a mark. A record: kind and length, 32 bits each, offset, 64 bits, and
 * what was written.
 */

#define FUSE_USE_VERSION 31
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITE = 1, FLUSH = 2, MARK = 3 };

static int disk, record;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(uint32_t kind, const char *bytes, size_t length, off_t offset)
{
    struct {
        uint32_t kind, length;
        uint64_t offset;
    } head = {kind, (uint32_t)length, (uint64_t)offset};
    if (write(record, &head, sizeof head) != (ssize_t)sizeof head ||
        (length > 0 && write(record, bytes, length) != (ssize_t)length))
        abort();
}

static int is_disk(const char *path) { return strcmp(path, "/disk") == 0; }

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    struct stat kept;
    (void)info;
    memset(status, 0, sizeof *status);
    if (strcmp(path, "/") == 0) {
        status->st_mode = S_IFDIR | 0700;
        status->st_nlink = 2;
        return 0;
    }
    if (!is_disk(path) && strcmp(path, "/mark") != 0)
        return -ENOENT;
    status->st_mode = S_IFREG | 0600;
    status->st_nlink = 1;
    if (is_disk(path)) {
        if (fstat(disk, &kept) != 0)
            return -errno;
        status->st_size = kept.st_size;
    }
    return 0;
}

static int on_read(const char *path, char *bytes, size_t length, off_t offset,
                   struct fuse_file_info *info)
{
    (void)info;
    ssize_t got = is_disk(path) ? pread(disk, bytes, length, offset) : 0;
    return got < 0 ? -errno : (int)got;
}

static int on_write(const char *path, const char *bytes, size_t length, off_t offset,
                    struct fuse_file_info *info)
{
    int result = (int)length;
    (void)info;
    pthread_mutex_lock(&lock);
    note(is_disk(path) ? WRITE : MARK, bytes, length, offset);
    if (is_disk(path) && pwrite(disk, bytes, length, offset) != (ssize_t)length)
        result = -EIO;
    pthread_mutex_unlock(&lock);
    return result;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)data_only, (void)info;
    pthread_mutex_lock(&lock);
    if (is_disk(path))
        note(FLUSH, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int on_truncate(const char *path, off_t length, struct fuse_file_info *info)
{
    (void)path, (void)length, (void)info;
    return 0;
}

int main(int count, char **arguments)
{
    const struct fuse_operations operations = {
        .getattr = on_getattr, .read = on_read,         .write = on_write,
        .fsync = on_fsync,     .truncate = on_truncate,
    };
    const char *disk_path = getenv("BLOCKLOG_DISK"), *record_path = getenv("BLOCKLOG_RECORD");
    if (disk_path == NULL || record_path == NULL)
        return 2;
    disk = open(disk_path, O_RDWR);
    record = open(record_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (disk < 0 || record < 0) {
        perror("blocklog");
        return 2;
    }
    return fuse_main(count, arguments, &operations, NULL);
}
