/*
 * The least that the machine takes for the work of a backup, a restore or a verification, by as
 * many threads, without what makes it one: no names, no members, no hashes, no rights, no order.
 *
 *     floor backup STORE FILE [THREADS]     reads each file, packs 1.5 MiB at a time, writes, syncs
 *     floor restore STORE FOLDER [THREADS]  makes files of the sizes in the store, with its times,
 *                                           in folders like its own, and syncs
 *     floor verify FILE [THREADS]           reads a backup's frames and unpacks them
 *
 * Packs as the library does at level 1 (src/archive/frame.rs).
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { PIECE = 3 << 19, MOST = 64 << 20, AT_A_TIME = 256, THREADS = 64 };

struct entry {
    char *path; /* or, of a backup, where a frame is */
    size_t at, size;
};

static struct entry *entries;
static size_t count, room, below;
static atomic_size_t next_entry;
static const char *destination;
static int file = -1;
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *memory(size_t size)
{
    void *got = malloc(size);

    if (!got)
        fail("memory");
    return got;
}

static void add(char *path, size_t at, size_t size)
{
    if (count == room) {
        room = room ? 2 * room : 1024;
        entries = realloc(entries, room * sizeof *entries);
        if (!entries)
            fail("memory");
    }
    entries[count].path = path;
    entries[count].at = at;
    entries[count++].size = size;
}

static int see(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    char made[8192];

    (void)where;
    if (kind == FTW_F) {
        add(strdup(path), 0, (size_t)stat->st_size);
    } else if (kind == FTW_D && destination && !file) {
        snprintf(made, sizeof made, "%s%s", destination, path + below);
        if (mkdir(made, 0700) != 0)
            fail(made);
    }
    return 0;
}

/* Of these so many entries, which nobody else has; 0 at the end. */
static size_t take(size_t *first)
{
    *first = atomic_fetch_add(&next_entry, AT_A_TIME);
    if (*first >= count)
        return 0;
    return count - *first < AT_A_TIME ? count - *first : AT_A_TIME;
}

static void pack(ZSTD_CCtx *context, char *packed, const char *content, size_t size)
{
    size_t length = ZSTD_compress2(context, packed, ZSTD_compressBound(MOST), content, size);

    if (ZSTD_isError(length))
        fail("zstd");
    pthread_mutex_lock(&writing);
    if (write(file, packed, length) != (ssize_t)length)
        fail("write");
    pthread_mutex_unlock(&writing);
}

static void *backup(void *unused)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    char *content = memory(MOST), *packed = memory(ZSTD_compressBound(MOST));
    size_t first, some, have = 0;
    struct stat before, after;

    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_targetLength, 5);
    ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 13);
    while ((some = take(&first)) != 0) {
        for (; some > 0; first++, some--) {
            int license = open(entries[first].path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
            ssize_t got;

            if (license < 0 || fstat(license, &before) != 0)
                fail(entries[first].path);
            got = read(license, content + have, MOST - have);
            if (got < 0 || fstat(license, &after) != 0 || close(license) != 0)
                fail(entries[first].path);
            have += (size_t)got;
            if (have >= PIECE) {
                pack(context, packed, content, have);
                have = 0;
            }
        }
    }
    if (have > 0)
        pack(context, packed, content, have);
    return unused;
}

static void *restore(void *unused)
{
    static char content[MOST];
    const struct timespec times[2] = {{0, UTIME_OMIT}, {1600000000, 0}};
    size_t first, some;

    while ((some = take(&first)) != 0) {
        for (; some > 0; first++, some--) {
            char path[8192];
            int license;

            snprintf(path, sizeof path, "%s%s", destination, entries[first].path + below);
            license = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
            if (license < 0 ||
                write(license, content, entries[first].size) != (ssize_t)entries[first].size ||
                futimens(license, times) != 0 || close(license) != 0)
                fail(path);
        }
    }
    return unused;
}

static void *verify(void *unused)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    char *content = memory(MOST), *packed = memory(MOST);
    size_t at;

    while ((at = atomic_fetch_add(&next_entry, 1)) < count) {
        const struct entry *frame = &entries[at];

        if (pread(file, packed, frame->size, (off_t)frame->at) != (ssize_t)frame->size ||
            ZSTD_isError(ZSTD_decompressDCtx(context, content, MOST, packed, frame->size)))
            fail("a frame");
    }
    return unused;
}

/* Where the frames of a backup begin. */
static void find_frames(const char *path)
{
    struct stat stat;
    size_t at = 0;
    char *all;

    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &stat) != 0)
        fail(path);
    /* Few pages of it are looked at. */
    all = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (all == MAP_FAILED)
        fail(path);
    while (at < (size_t)stat.st_size) {
        size_t size = ZSTD_findFrameCompressedSize(all + at, (size_t)stat.st_size - at);

        if (ZSTD_isError(size))
            fail("a frame");
        add(NULL, at, size);
        at += size;
    }
    munmap(all, (size_t)stat.st_size);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    void *(*work)(void *) = strcmp(what, "backup") == 0    ? backup
                            : strcmp(what, "restore") == 0 ? restore
                            : strcmp(what, "verify") == 0  ? verify
                                                           : NULL;
    int own = work == verify ? 3 : 4, threads, at;
    pthread_t others[THREADS];

    if (!work || argc < own) {
        fputs("usage: floor backup STORE FILE [THREADS] | restore STORE FOLDER [THREADS] | "
              "verify FILE [THREADS]\n", stderr);
        return 2;
    }
    threads = argc > own ? atoi(argv[own]) : 1;
    below = strlen(argv[2]);
    if (work == backup) {
        file = open(argv[3], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0)
            fail(argv[3]);
    } else if (work == restore) {
        destination = argv[3];
        file = 0;
    } else {
        find_frames(argv[2]);
    }
    if (work != verify && nftw(argv[2], see, 32, FTW_PHYS) != 0)
        fail(argv[2]);
    for (at = 1; at < threads && at < THREADS; at++)
        if (pthread_create(&others[at], NULL, work, NULL) != 0)
            fail("a thread");
    work(NULL);
    while (--at > 0)
        pthread_join(others[at], NULL);
    if (work == backup && fsync(file) != 0)
        fail("sync");
    if (work == restore) {
        file = open(destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (file < 0 || syncfs(file) != 0)
            fail("sync");
    }
    return 0;
}
