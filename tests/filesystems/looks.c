/* What a look at a file tells, and what is remembered of each file for that. */

#include "manners.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct memory {
    struct memory *next;
    ino_t ino;
    int opened, changes, late_looks, leases_given_up;
};

enum { BUCKETS = 1024, PATIENCE_MS = 300 };

static struct memory *memories[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* To be called under the lock. */
static struct memory *memory_of(ino_t ino)
{
    struct memory **at = &memories[ino % BUCKETS];
    while (*at != NULL && (*at)->ino != ino)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL)
            abort();
        (*at)->ino = ino;
    }
    return *at;
}

void note_opened(ino_t ino)
{
    pthread_mutex_lock(&lock);
    memory_of(ino)->opened++;
    pthread_mutex_unlock(&lock);
}

void note_closed(ino_t ino, int was_written)
{
    pthread_mutex_lock(&lock);
    struct memory *memory = memory_of(ino);
    if (--memory->opened == 0)
        memory->changes++;
    if (was_written)
        memory->late_looks = switches.size_late;
    pthread_mutex_unlock(&lock);
}

int is_open(ino_t ino)
{
    const struct timespec moment = {0, 1000000};
    for (int waited = 0;; waited++) {
        pthread_mutex_lock(&lock);
        int opened = memory_of(ino)->opened;
        pthread_mutex_unlock(&lock);
        /* The kernel does not wait until a file that is closed is let go of here. */
        if (opened == 0 || waited == PATIENCE_MS)
            return opened > 0;
        nanosleep(&moment, NULL);
    }
}

int has_lease(ino_t ino)
{
    pthread_mutex_lock(&lock);
    struct memory *memory = memory_of(ino);
    int leased = memory->leases_given_up < switches.lease;
    memory->leases_given_up += leased;
    pthread_mutex_unlock(&lock);
    return leased;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (const unsigned char *byte = bytes; length > 0; byte++, length--)
        hash = (hash ^ *byte) * 1099511628211u;
    return hash;
}

uint64_t made_up_ino(const char *path, const struct stat *status)
{
    static uint64_t of_this_mount;
    uint64_t hash = 14695981039346656037u;
    if (switches.ino == NULL)
        return status->st_ino;
    if (strcmp(switches.ino, "name") == 0) {
        hash = path == NULL ? mix(hash, &status->st_ino, sizeof status->st_ino)
                            : mix(hash, path, strlen(path));
        return hash | 1;
    }
    pthread_mutex_lock(&lock);
    if (of_this_mount == 0 && getrandom(&of_this_mount, sizeof of_this_mount, 0) < 0)
        abort();
    hash = mix(hash ^ of_this_mount, &status->st_ino, sizeof status->st_ino);
    if (strcmp(switches.ino, "cache") == 0) {
        int changes = memory_of(status->st_ino)->changes;
        hash = mix(hash, &changes, sizeof changes);
    }
    pthread_mutex_unlock(&lock);
    return hash | 1;
}

static void make_up_size(struct stat *status)
{
    pthread_mutex_lock(&lock);
    struct memory *memory = memory_of(status->st_ino);
    int late = memory->late_looks > 0;
    memory->late_looks -= late;
    pthread_mutex_unlock(&lock);
    if (switches.size_zero || late)
        status->st_size = 0;
    else
        status->st_size += switches.size_pad;
}

void make_up(const char *path, struct stat *status)
{
    int is_folder = S_ISDIR(status->st_mode), is_file = S_ISREG(status->st_mode);
    int mode = is_folder ? switches.dir_mode : is_file ? switches.file_mode : UNSET;
    if (is_file)
        make_up_size(status);
    if (mode != UNSET)
        status->st_mode = (status->st_mode & S_IFMT) | (mode_t)mode;
    if (switches.owner != UNSET)
        status->st_uid = status->st_gid = (uid_t)switches.owner;
    if (switches.nlink != UNSET)
        status->st_nlink = (nlink_t)switches.nlink;
    if (switches.time_step > 0) {
        time_t past = status->st_mtim.tv_sec % switches.time_step;
        status->st_mtim.tv_sec -= past < 0 ? past + switches.time_step : past;
        status->st_mtim.tv_nsec = 0;
        status->st_ctim = status->st_mtim;
    }
    status->st_ctim.tv_sec += switches.time_skew;
    if (switches.ctime_now)
        clock_gettime(CLOCK_REALTIME, &status->st_ctim);
    status->st_ino = made_up_ino(path, status);
}

void set_server_time(int folder, const char *path)
{
    struct timespec times[2];
    if (switches.time_skew == 0)
        return;
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec += switches.time_skew;
    times[1] = times[0];
    if (path == NULL)
        futimens(folder, times);
    else
        utimensat(folder, path, times, AT_SYMLINK_NOFOLLOW);
}
