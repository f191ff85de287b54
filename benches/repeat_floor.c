/*
 * The least that a repeat backup costs, part by part, by the calls alone:
 *
 *     repeat_floor STORE FILE
 *
 * Lists the store's folders, looks at the facts of its files and reads FILE (a backup), the latter
 * two on two threads; has a new file share all of it, or writes as much where the file system
 * shares nothing; synchronizes that and gives it a name. The memory for files has nothing of FILE
 * afterwards. A JSON object of the milliseconds of each part.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 2, READ = 1 << 17, SHARED = 1 << 20, WRITTEN = 4 << 20 };

struct entry {
    int folder;
    char *name;
};

static struct entry *entries;
static size_t count, room;
static const char *file;
static off_t size;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void *checked(void *pointer, const char *what)
{
    if (pointer == NULL) {
        perror(what);
        exit(1);
    }
    return pointer;
}

static int opened(int number, const char *what)
{
    if (number < 0) {
        perror(what);
        exit(1);
    }
    return number;
}

static void list(int at, const char *name)
{
    int number = opened(openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
    DIR *folder = checked(fdopendir(number), name);
    struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_DIR) {
            list(number, entry->d_name);
            continue;
        }
        if (count == room) {
            room = 2 * room + 1024;
            entries = checked(realloc(entries, room * sizeof *entries), "list");
        }
        entries[count++] = (struct entry){number, checked(strdup(entry->d_name), "list")};
    }
}

static int order(const void *one, const void *other)
{
    const struct entry *a = one, *b = other;

    return a->folder != b->folder ? a->folder - b->folder : strcmp(a->name, b->name);
}

static void *look(void *argument)
{
    size_t part = (size_t)argument;
    struct stat facts;

    for (size_t i = part * count / THREADS; i < (part + 1) * count / THREADS; i++)
        opened(fstatat(entries[i].folder, entries[i].name, &facts, AT_SYMLINK_NOFOLLOW), "look");
    return NULL;
}

static void *read_part(void *argument)
{
    int number = opened(open(file, O_RDONLY | O_CLOEXEC), file);
    char *data = checked(calloc(1, READ), "read");

    for (off_t at = (off_t)(size_t)argument * READ; at < size; at += THREADS * READ)
        opened((int)pread(number, data, READ, at), "read");
    free(data);
    close(number);
    return NULL;
}

/* Does a part of the work on each thread. */
static void on_threads(void *(*work)(void *))
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        opened(-pthread_create(&threads[i], NULL, work, (void *)i), "start");
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Has a file share all that there is of another one. False where the file system shares nothing. */
static int share(int from, int to)
{
    for (off_t at = 0; at + SHARED <= size; at += SHARED) {
        struct file_clone_range range = {from, (unsigned long long)at, SHARED, (unsigned long long)at};

        if (ioctl(to, FICLONERANGE, &range) == 0)
            continue;
        if (errno == EOPNOTSUPP)
            return 0;
        opened(-1, "share");
    }
    return 1;
}

/* Writes as much, and has the disk begin with it early. */
static void write_all(int to)
{
    char *data = checked(calloc(1, READ), "write");

    for (off_t at = 0; at + READ <= size; at += READ) {
        opened((int)write(to, data, READ), "write");
        if ((at + READ) % WRITTEN == 0)
            sync_file_range(to, at + READ - WRITTEN, WRITTEN, SYNC_FILE_RANGE_WRITE);
    }
    free(data);
}

/* The milliseconds since the last part. */
static void tell(const char *part, double *begin)
{
    double end = now();

    printf("%s\"%s\": %.1f", begin[1]++ > 0 ? ", " : "{", part, end - begin[0]);
    begin[0] = now();
}

int main(int argc, char **argv)
{
    struct rlimit most = {1 << 16, 1 << 16};
    char copy[4096], named[4096 + 8];
    double begin[2];
    struct stat status;
    int from, to, folder;

    if (argc != 3) {
        fputs("usage: repeat_floor STORE FILE\n", stderr);
        return 2;
    }
    file = argv[2];
    opened(stat(file, &status), file);
    size = status.st_size;
    setrlimit(RLIMIT_NOFILE, &most);
    snprintf(copy, sizeof copy, "%s.floor", file);
    snprintf(named, sizeof named, "%s.named", copy);
    begin[0] = now();
    begin[1] = 0;
    list(AT_FDCWD, argv[1]);
    tell("list", begin);
    qsort(entries, count, sizeof *entries, order);
    begin[0] = now();
    on_threads(look);
    tell("look", begin);
    on_threads(read_part);
    tell("read", begin);
    from = opened(open(file, O_RDONLY | O_CLOEXEC), file);
    /* As a backup leaves it. */
    posix_fadvise(from, 0, 0, POSIX_FADV_DONTNEED);
    begin[0] = now();
    to = opened(open(copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), copy);
    if (share(from, to)) {
        tell("share", begin);
    } else {
        write_all(to);
        tell("write", begin);
    }
    opened(fsync(to), "synchronize");
    tell("synchronize", begin);
    opened(rename(copy, named), copy);
    *strrchr(copy, '/') = 0;
    folder = opened(open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC), copy);
    opened(fsync(folder), "name");
    tell("name", begin);
    puts("}");
    return unlink(named) != 0;
}
