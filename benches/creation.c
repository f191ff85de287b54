/*
 * Ways to make the files of a restore, which of them is the fastest:
 *
 *     creation WAY STORE FOLDER [THREADS]
 *
 * Makes FOLDER with folders and files like those of STORE, of the same sizes, and prints the
 * seconds that making the files took, and those of one syncfs() after it. WAY is
 *
 *     named      by openat(), 256 files in a row by each thread
 *     folders    the same, a whole folder by each thread
 *     timeless   as named, without times of their own
 *     reserved   as named, with fallocate() first
 *     unnamed    by O_TMPFILE and linkat()
 *     ring       by io_uring: chains of openat, write and close, 64 at a time, without times;
 *                where it is compiled with -DRING and -luring
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef RING
#include <liburing.h>
#endif

enum { MOST = 64 << 20, AT_A_TIME = 256, CHAINS = 64, THREADS = 64, PATH = 8192 };

struct file {
    const char *name;
    size_t folder, size;
};

static struct file *files;
static size_t file_count, file_room, folder_count, folder_room, below;
/* Of each folder: its descriptor, and its first file. */
static int *folders;
static size_t *first_of;
static atomic_size_t next_file;
static const char *way, *destination;
static char content[MOST];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *larger(void *memory, size_t *room, size_t element)
{
    *room = *room ? 2 * *room : 1024;
    memory = realloc(memory, *room * element);
    if (!memory)
        fail("memory");
    return memory;
}

static int see_folder(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    char made[PATH];

    (void)stat, (void)where;
    if (kind != FTW_D)
        return 0;
    snprintf(made, sizeof made, "%s%s", destination, path + below);
    if (folder_count == folder_room)
        folders = larger(folders, &folder_room, sizeof *folders);
    if (mkdir(made, 0700) != 0 ||
        (folders[folder_count++] = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        fail(made);
    return 0;
}

/* The files of a folder follow each other only where those below it do not come between. */
static int see_file(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    static size_t open_folders[256], seen;

    if (kind == FTW_D) {
        open_folders[where->level] = seen++;
    } else if (kind == FTW_F) {
        if (file_count == file_room)
            files = larger(files, &file_room, sizeof *files);
        files[file_count].name = strdup(path + where->base);
        files[file_count].folder = open_folders[where->level - 1];
        files[file_count++].size = (size_t)stat->st_size;
    }
    return 0;
}

static int in_order(const void *one, const void *other)
{
    const struct file *first = one, *second = other;

    if (first->folder != second->folder)
        return first->folder < second->folder ? -1 : 1;
    return strcmp(first->name, second->name);
}

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

static void make(const struct file *made)
{
    const struct timespec times[2] = {{0, UTIME_OMIT}, {1600000000, 0}};
    int folder = folders[made->folder], unnamed = is("unnamed"), file;
    char path[64];

    file = unnamed ? openat(folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600)
                   : openat(folder, made->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || (is("reserved") && made->size > 0 &&
                     posix_fallocate(file, 0, (off_t)made->size) != 0))
        fail(made->name);
    if (write(file, content, made->size) != (ssize_t)made->size ||
        (!is("timeless") && futimens(file, times) != 0))
        fail(made->name);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if ((unnamed && linkat(AT_FDCWD, path, folder, made->name, AT_SYMLINK_FOLLOW) != 0) ||
        close(file) != 0)
        fail(made->name);
}

#ifdef RING
static void make_by_ring(struct io_uring *ring, size_t at, size_t end)
{
    struct io_uring_cqe *done;
    unsigned chains = 0, results;

    for (; at < end; at++, chains++) {
        const struct file *made = &files[at];
        struct io_uring_sqe *step = io_uring_get_sqe(ring);

        io_uring_prep_openat_direct(step, folders[made->folder], made->name,
                                    O_WRONLY | O_CREAT | O_EXCL, 0600, chains);
        step->flags |= IOSQE_IO_LINK;
        step = io_uring_get_sqe(ring);
        io_uring_prep_write(step, (int)chains, content, (unsigned)made->size, 0);
        step->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
        io_uring_prep_close_direct(io_uring_get_sqe(ring), chains);
    }
    io_uring_submit_and_wait(ring, 3 * chains);
    for (results = 3 * chains; results > 0; results--) {
        if (io_uring_wait_cqe(ring, &done) != 0 || done->res < 0)
            fail("io_uring");
        io_uring_cqe_seen(ring, done);
    }
}
#endif

static void *work(void *unused)
{
    size_t at, end;
#ifdef RING
    struct io_uring ring;

    if (is("ring") && (io_uring_queue_init(4 * CHAINS, &ring, IORING_SETUP_SINGLE_ISSUER) != 0 ||
                       io_uring_register_files_sparse(&ring, CHAINS) != 0))
        fail("io_uring");
#endif
    for (;;) {
        if (is("folders")) {
            size_t folder = atomic_fetch_add(&next_file, 1);

            if (folder >= folder_count)
                return unused;
            at = first_of[folder];
            end = first_of[folder + 1];
        } else {
            at = atomic_fetch_add(&next_file, is("ring") ? CHAINS : AT_A_TIME);
            if (at >= file_count)
                return unused;
            end = at + (is("ring") ? CHAINS : AT_A_TIME);
            end = end < file_count ? end : file_count;
        }
#ifdef RING
        if (is("ring")) {
            make_by_ring(&ring, at, end);
            continue;
        }
#endif
        for (; at < end; at++)
            make(&files[at]);
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    pthread_t others[THREADS];
    double begin, made;
    size_t at, seen;
    int threads, thread;

    if (argc < 4) {
        fputs("usage: creation WAY STORE FOLDER [THREADS]\n", stderr);
        return 2;
    }
    way = argv[1];
    destination = argv[3];
    threads = argc > 4 ? atoi(argv[4]) : 1;
    below = strlen(argv[2]);
    if (nftw(argv[2], see_folder, 32, FTW_PHYS) != 0 || nftw(argv[2], see_file, 32, FTW_PHYS) != 0)
        fail(argv[2]);
    qsort(files, file_count, sizeof *files, in_order);
    first_of = calloc(folder_count + 1, sizeof *first_of);
    if (!first_of)
        fail("memory");
    for (at = seen = 0; at <= folder_count; at++) {
        while (seen < file_count && files[seen].folder < at)
            seen++;
        first_of[at] = seen;
    }
    begin = now();
    for (thread = 1; thread < threads && thread < THREADS; thread++)
        if (pthread_create(&others[thread], NULL, work, NULL) != 0)
            fail("a thread");
    work(NULL);
    while (--thread > 0)
        pthread_join(others[thread], NULL);
    made = now();
    if (syncfs(folders[0]) != 0)
        fail("sync");
    printf("%.3f %.3f\n", made - begin, now() - made);
    return 0;
}
