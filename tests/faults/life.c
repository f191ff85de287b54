/*
 * The life of one process that backs up, verifies and restores many times, each operation
 * ended in its own way.
 *
 * usage: life cancel COUNT SEED    cancels at random moments, and measures how long it takes
 *                                  to the last event; what was there must be as it was
 *        life many COUNT SEED      mixed ends; then descriptors, threads and memory are what
 *                                  they were after the first 500 operations
 */

#include "../c/harness.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <time.h>

#define LICENSES 40
#define SIZE (256 * 1024)

static uint64_t seed;
static int64_t last_event_at;
static int32_t last_status;

static uint64_t random_below(uint64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % bound;
}

static int64_t microseconds(void)
{
    struct timespec now;
    NEED(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void pause_for(int64_t time)
{
    struct timespec left = {time / 1000000, time % 1000000 * 1000};
    nanosleep(&left, NULL);
}

/* user_data: NULL, or the number of the event at which to answer no, cancel or release. */
struct order {
    int at;
    enum { ANSWER_NO, CANCEL, RELEASE } what;
    wmlb_restorer *restorer;
};

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    struct order *order = user_data;
    (void)hr, (void)type, (void)value, (void)length;
    if (is_terminal(status)) {
        __atomic_store_n(&last_event_at, microseconds(), __ATOMIC_RELEASE);
        __atomic_store_n(&last_status, status, __ATOMIC_RELEASE);
    }
    if (order == NULL || order->at-- != 0)
        return WMLB_S_OK;
    switch (order->what) {
    case ANSWER_NO:
        return WMLB_E_FAIL;
    case CANCEL:
        CHECK_HR(wmlb_restorer_cancel(order->restorer), WMLB_S_OK);
        return WMLB_S_OK;
    default:
        CHECK_HR(wmlb_restorer_release(order->restorer), WMLB_S_OK);
        return WMLB_S_OK;
    }
}

/* ---- what must stay as it was ---- */

static uint64_t sum;

static int add_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    const char *name = path + strlen(workspace);
    uint64_t one = 14695981039346656037u;
    unsigned char bytes[65536];
    size_t i, got;
    FILE *file;
    (void)stat, (void)place;
    for (; *name; name++)
        one = (one ^ (unsigned char)*name) * 1099511628211u;
    if (kind == FTW_F) {
        NEED((file = fopen(path, "rb")) != NULL);
        while ((got = fread(bytes, 1, sizeof bytes, file)) > 0)
            for (i = 0; i < got; i += 61)
                one = (one ^ bytes[i]) * 1099511628211u;
        fclose(file);
    }
    sum += one;
    return 0;
}

static uint64_t sum_of(const char *path)
{
    sum = 0;
    nftw(path, add_one, 16, FTW_PHYS);
    return sum;
}

enum { BACKUP, VERIFY, RESTORE, KINDS };

static wmlb_hresult start(wmlb_restorer *restorer, int kind, void *order)
{
    switch (kind) {
    case BACKUP:
        return wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, order);
    case VERIFY:
        return wmlb_restorer_verify_backup(restorer, 0, on_status, order);
    default:
        return wmlb_restorer_restore_licenses(restorer, WMLB_RESTORE_OVERWRITE, on_status, order);
    }
}

static wmlb_hresult finish(wmlb_restorer *restorer)
{
    wmlb_hresult result = WMLB_E_FAIL;
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
    return result;
}

/* A store, a backup of it, and another store that a restore would change. */
static wmlb_restorer *furnish(void)
{
    wmlb_restorer *restorer;
    make_store(in_workspace("store"), LICENSES, SIZE);
    make_store(in_workspace("other"), LICENSES, SIZE / 2);
    restorer = new_restorer(in_workspace("store"), in_workspace("backup"));
    NEED(wmlb_restorer_set_restore_path(restorer, in_workspace("backup")) == WMLB_S_OK);
    NEED(start(restorer, BACKUP, NULL) == WMLB_S_OK && finish(restorer) == WMLB_S_OK);
    return restorer;
}

/* ---- cancel ---- */

static int ascending(const void *one, const void *other)
{
    int64_t left = *(const int64_t *)one, right = *(const int64_t *)other;
    return (left > right) - (left < right);
}

static void cancel(int count)
{
    wmlb_restorer *restorer = furnish();
    int64_t *late = calloc((size_t)count, sizeof *late), takes[KINDS] = {0}, began;
    char store[PATH_MAX], other[PATH_MAX], backup[PATH_MAX];
    int i, canceled = 0, touched = 0, tries = 0;
    uint64_t before;
    NEED(late != NULL);
    snprintf(store, sizeof store, "%s", in_workspace("store"));
    snprintf(other, sizeof other, "%s", in_workspace("other"));
    snprintf(backup, sizeof backup, "%s", in_workspace("backup"));
    while (canceled < count && tries < 20 * count) {
        int kind = tries++ % KINDS;
        const char *target = kind == RESTORE ? other : backup;
        wmlb_hresult result;
        NEED(wmlb_restorer_set_store_path(restorer, kind == RESTORE ? other : store) == WMLB_S_OK);
        set_threads(restorer, (uint32_t)random_below(4));
        before = sum_of(target);
        began = microseconds();
        NEED(start(restorer, kind, NULL) == WMLB_S_OK);
        if (takes[kind] != 0) {
            pause_for((int64_t)random_below((uint64_t)takes[kind]));
            began = microseconds();
            if (wmlb_restorer_cancel(restorer) != WMLB_S_OK)
                began = 0; /* it was quicker */
        }
        result = finish(restorer);
        if (takes[kind] == 0)
            takes[kind] = last_event_at - began;
        if (result == WMLB_NS_E_DRM_OPERATION_CANCELED) {
            late[canceled] = last_event_at > began ? last_event_at - began : 0;
            canceled++;
            touched += sum_of(target) != before;
        } else {
            CHECK_HR(result, WMLB_S_OK);
            if (kind == RESTORE) { /* what the next one changes back */
                remove_tree(other);
                make_store(other, LICENSES, SIZE / 2);
            }
        }
        for (i = 0; i < KINDS; i++)
            takes[i] = takes[i] > 200000 ? 200000 : takes[i];
    }
    qsort(late, (size_t)canceled, sizeof *late, ascending);
    CHECK(canceled == count);
    CHECK(touched == 0);
    CHECK(entries(backup) == 1);
    printf("%d canceled, %d touched, p99 %.1f ms, max %.1f ms\n", canceled, touched,
           (double)late[canceled > 0 ? (canceled * 99 + 99) / 100 - 1 : 0] / 1000,
           (double)late[canceled > 0 ? canceled - 1 : 0] / 1000);
    free(late);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

/* ---- many ---- */

/* What malloc keeps at hand for later is given back first: that is no growth. */
static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    NEED(file != NULL);
    malloc_trim(0);
    NEED(fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int ended, canceled, refused, released;

static void one_of_many(void)
{
    static const char *const stores[] = {"store", "small", "other", "missing", "small"};
    struct order order = {(int)random_below(5), (int)random_below(3), NULL};
    int kind = (int)random_below(KINDS), way = (int)random_below(6), threads;
    const char *store = stores[random_below(5)];
    wmlb_hresult hr;
    wmlb_restorer *restorer;
    if (kind == RESTORE)
        store = "target";
    restorer = new_restorer(in_workspace("%s", store), in_workspace("backup"));
    NEED(wmlb_restorer_set_restore_path(
             restorer, in_workspace("%s", random_below(20) == 0 ? "missing" : "backup")) ==
         WMLB_S_OK);
    set_threads(restorer, 1 + (uint32_t)random_below(4));
    order.restorer = restorer;
    threads = threads_of_process();
    hr = start(restorer, kind, way == 0 ? &order : NULL);
    if (hr != WMLB_S_OK) {
        refused++;
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        return;
    }
    if (way == 1)
        wmlb_restorer_cancel(restorer);
    if (way == 2 || (way == 0 && order.what == RELEASE)) {
        if (way == 2)
            CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        else if (wmlb_restorer_wait(restorer, UINT32_MAX, &hr) == WMLB_S_OK)
            wmlb_restorer_release(restorer); /* there were fewer events */
        /* The order is on this stack: the operation must be over. */
        until_threads_are(threads);
        released++;
        return;
    }
    hr = finish(restorer);
    ended += hr == WMLB_S_OK;
    canceled += hr == WMLB_NS_E_DRM_OPERATION_CANCELED;
    refused += hr != WMLB_S_OK && hr != WMLB_NS_E_DRM_OPERATION_CANCELED;
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

static void many(int count)
{
    int i, descriptors = 0, threads = 0, settled = count < 1000 ? count / 2 : 500;
    /* The stacks of threads that are kept for the next ones come and go: the least counts, of a
       quarter of the time. */
    int quarter = (count - settled) / 4;
    long before = LONG_MAX, after = LONG_MAX;
    wmlb_restorer *restorer = furnish();
    make_store(in_workspace("small"), 5, 300);
    for (i = 0; i < count; i++) {
        if (i == settled) {
            descriptors = entries("/proc/self/fd");
            threads = threads_of_process();
        }
        if (i % 10 == 0 && i >= settled) {
            long now = resident();
            if (i < settled + quarter && now < before)
                before = now;
            if (i >= count - quarter && now < after)
                after = now;
        }
        one_of_many();
    }
    until_threads_are(threads);
    CHECK(ended > 0 && canceled > 0 && refused > 0 && released > 0);
    CHECK(entries("/proc/self/fd") == descriptors);
    CHECK(threads_of_process() == threads);
    /* Few operations have too few moments to tell. */
    CHECK(count < 10000 || after - before <= 1 << 20);
    printf("%d operations: %d ended, %d canceled, %d refused, %d released; descriptors %+d, "
           "threads %+d, memory %+ld KiB\n",
           count, ended, canceled, refused, released, entries("/proc/self/fd") - descriptors,
           threads_of_process() - threads, (after - before) / 1024);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    test_name = arguments[1];
    seed = strtoull(arguments[3], NULL, 10) * 2 + 88172645463325253u;
    begin_workspace();
    if (strcmp(arguments[1], "cancel") == 0)
        cancel(atoi(arguments[2]));
    else
        many(atoi(arguments[2]));
    end_workspace();
    return checks_failed == 0 ? 0 : 1;
}
