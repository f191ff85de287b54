/*
 * Several at once. One line says what was tried and how often a promise was broken.
 *
 * usage: crowd writers PROCESSES ROUNDS    processes back up to one BackupPath, each another
 *                                          store; what is there is always one whole backup
 *        crowd changes BACKUPS SEED        a store whose files change all the time, and check
 *                                          themselves; no backup holds a mixture
 *        crowd threads ROUNDS SEED         64 restorers at once; two threads and more on one
 *                                          handle start, cancel, wait and release it
 *        crowd restarts ROUNDS SEED        a release while a second operation is being started,
 *                                          the first not having been waited for
 */

#include "../c/harness.h"

#include <stdatomic.h>
#include <stdint.h>

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    (void)status, (void)hr, (void)type, (void)value, (void)length, (void)user_data;
    return WMLB_S_OK;
}

static wmlb_hresult finish(wmlb_restorer *restorer)
{
    wmlb_hresult result = WMLB_E_FAIL;
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
    return result;
}

static uint64_t random_of(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed >> 11) % bound;
}

/* ---- writers ---- */

#define OF_A_WRITER 12

static wmlb_hresult count_one(const wmlb_license_info *license, void *counts)
{
    int *of_whom = counts;
    of_whom[0]++;
    /* Every name begins with its writer's letter. */
    of_whom[1] |= 1 << (license->name[0] - 'a');
    return WMLB_S_OK;
}

static void writer(int number, int rounds)
{
    char store[PATH_MAX], name[PATH_MAX + 16];
    static char bytes[30000];
    wmlb_restorer *restorer;
    int i;
    snprintf(store, sizeof store, "%s", in_workspace("store-%d", number));
    NEED(mkdir(store, 0700) == 0);
    for (i = 0; i < OF_A_WRITER; i++) {
        memset(bytes, 'A' + number + i, sizeof bytes);
        snprintf(name, sizeof name, "%s/%c%d", store, 'a' + number, i);
        write_file(name, bytes, sizeof bytes - (size_t)i);
    }
    restorer = new_restorer(store, in_workspace("backup"));
    set_threads(restorer, 1 + (uint32_t)number % 3);
    for (i = 0; i < rounds; i++) {
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, NULL),
                 WMLB_S_OK);
        CHECK_HR(finish(restorer), WMLB_S_OK);
    }
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

static void writers(int processes, int rounds)
{
    pid_t children[16];
    int i, left = processes, looks = 0, damaged = 0, bad = 0, status;
    wmlb_restorer *reader;
    NEED(processes <= 16);
    for (i = 0; i < processes; i++) {
        NEED((children[i] = fork()) >= 0);
        if (children[i] == 0) {
            writer(i, rounds);
            _exit(checks_failed == 0 ? 0 : 1);
        }
    }
    reader = new_restorer(in_workspace("store-0"), in_workspace("backup"));
    NEED(wmlb_restorer_set_restore_path(reader, in_workspace("backup")) == WMLB_S_OK);
    while (left > 0) {
        if (waitpid(-1, &status, WNOHANG) > 0) {
            left--;
            bad += status != 0;
        }
        if (is_there(in_workspace("backup/licenses.wmlb"))) {
            int of_whom[2] = {0, 0};
            wmlb_hresult hr = wmlb_restorer_enumerate_backup(reader, count_one, of_whom);
            looks++;
            /* Whole, and of one writer only. */
            damaged += hr != WMLB_S_OK || of_whom[0] != OF_A_WRITER ||
                       (of_whom[1] & (of_whom[1] - 1)) != 0;
        }
        sched_yield();
    }
    CHECK(bad == 0);
    CHECK(damaged == 0);
    CHECK(looks > 0);
    CHECK(entries(in_workspace("backup")) == 1);
    wmlb_restorer_release(reader);
    printf("%d backups of %d processes, looked at %d times, %d violated\n", processes * rounds,
           processes, looks, damaged + bad + (entries(in_workspace("backup")) != 1));
}

/* ---- changes ---- */

#define FILES 6
#define LONGEST (3 << 20)

/* A file: whether it is being written, the seed of the rest, the length, the rest. */
struct head {
    uint64_t unfinished, seed, length;
};

static _Atomic int stop;
static char changing[PATH_MAX];

static size_t fill_in(uint8_t *bytes, uint64_t seed, size_t length)
{
    struct head head = {0, seed, length};
    uint64_t state = seed | 1;
    size_t i;
    memcpy(bytes, &head, sizeof head);
    for (i = 0; i + 8 <= length; i += 8) {
        uint64_t next = random_of(&state, UINT64_MAX);
        memcpy(bytes + sizeof head + i, &next, 8);
    }
    return sizeof head + length;
}

static void *change(void *argument)
{
    uint64_t seed = (uintptr_t)argument * 2 + 1, yes = 1, no = 0;
    uint8_t *bytes = malloc(sizeof(struct head) + LONGEST);
    char name[PATH_MAX + 16], new[PATH_MAX + 16];
    size_t length;
    int file;
    NEED(bytes != NULL);
    snprintf(new, sizeof new, "%s-new", changing);
    while (!stop) {
        usleep((useconds_t)random_of(&seed, 3000));
        length = fill_in(bytes, random_of(&seed, UINT64_MAX), 8 * random_of(&seed, LONGEST / 8));
        snprintf(name, sizeof name, "%s/%d", changing, (int)random_of(&seed, FILES));
        if (random_of(&seed, 2) == 0) {
            write_file(new, (char *)bytes, length);
            NEED(rename(new, name) == 0);
            continue;
        }
        /* In place: what is read meanwhile says of itself that it is unfinished, unless it is
           read piece by piece at different times, and that is what must not be. */
        NEED((file = open(name, O_WRONLY)) >= 0);
        NEED(pwrite(file, &yes, 8, 0) == 8);
        NEED(ftruncate(file, (off_t)length) == 0);
        NEED(pwrite(file, bytes + 8, length - 8, 8) == (ssize_t)length - 8);
        NEED(pwrite(file, &no, 8, 0) == 8);
        close(file);
    }
    free(bytes);
    return NULL;
}

static int put_of, put_mixed, put_unfinished;

static wmlb_hresult open_it(void *ctx, int32_t writing)
{
    (void)ctx, (void)writing;
    return WMLB_S_OK;
}

static wmlb_hresult no_more(void *ctx, wmlb_store_license *license)
{
    (void)ctx, (void)license;
    return WMLB_S_FALSE;
}

static wmlb_hresult look_at(void *ctx, const wmlb_store_license *license)
{
    static uint8_t bytes[sizeof(struct head) + LONGEST];
    struct head head;
    (void)ctx;
    put_of++;
    if (license->data_len < sizeof head) {
        put_mixed++;
        return WMLB_S_OK;
    }
    memcpy(&head, license->data, sizeof head);
    if (head.unfinished) {
        put_unfinished++;
        return WMLB_S_OK;
    }
    put_mixed += head.length > LONGEST || license->data_len != sizeof head + head.length ||
                 (fill_in(bytes, head.seed, head.length),
                  memcmp(bytes, license->data, license->data_len) != 0);
    return WMLB_S_OK;
}

static wmlb_hresult commit_it(void *ctx)
{
    (void)ctx;
    return WMLB_S_OK;
}

static void close_it(void *ctx)
{
    (void)ctx;
}

static void changes(int count, uint64_t seed)
{
    wmlb_store_ops ops = {sizeof ops, open_it, no_more, look_at, commit_it, close_it};
    wmlb_restorer *restorer, *reader;
    uint8_t *bytes = malloc(sizeof(struct head) + LONGEST);
    int i, whole = 0, changed = 0, mixtures = 0;
    pthread_t mutator;
    snprintf(changing, sizeof changing, "%s", in_workspace("store"));
    NEED(bytes != NULL && mkdir(changing, 0700) == 0);
    for (i = 0; i < FILES; i++)
        write_file(in_workspace("store/%d", i), (char *)bytes,
                   fill_in(bytes, (uint64_t)i + 1, 80000));
    free(bytes);
    restorer = new_restorer(changing, in_workspace("backup"));
    reader = new_restorer(changing, in_workspace("backup"));
    NEED(wmlb_restorer_set_restore_path(reader, in_workspace("backup")) == WMLB_S_OK);
    NEED(wmlb_restorer_set_store(reader, &ops, NULL) == WMLB_S_OK);
    NEED(pthread_create(&mutator, NULL, change, (void *)(uintptr_t)seed) == 0);
    for (i = 0; i < count; i++) {
        int mixed_before = put_mixed;
        wmlb_hresult hr;
        set_threads(restorer, 1 + (uint32_t)i % 3);
        CHECK_HR(wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, NULL),
                 WMLB_S_OK);
        hr = finish(restorer);
        if (hr == WMLB_E_SHARING_VIOLATION) {
            changed++;
            continue;
        }
        CHECK_HR(hr, WMLB_S_OK);
        whole++;
        CHECK_HR(wmlb_restorer_restore_licenses(reader, WMLB_RESTORE_OVERWRITE, on_status, NULL),
                 WMLB_S_OK);
        CHECK_HR(finish(reader), WMLB_S_OK);
        mixtures += put_mixed != mixed_before;
    }
    stop = 1;
    NEED(pthread_join(mutator, NULL) == 0);
    CHECK(whole > 0 && put_of == whole * FILES);
    CHECK(mixtures == 0);
    wmlb_restorer_release(restorer);
    wmlb_restorer_release(reader);
    printf("%d backups, %d whole, %d of a store that changed; of %d licenses %d caught unfinished; "
           "%d backups with a mixture\n",
           count, whole, changed, put_of, put_unfinished, mixtures);
}

/* ---- threads ---- */

#define AT_ONCE 64

static wmlb_restorer *shared;
static char store_of_all[PATH_MAX];
static _Atomic long begun, last_events;
static pthread_barrier_t together;

static wmlb_hresult act_at_random(int32_t status, wmlb_hresult hr, int32_t type,
                                  const uint8_t *value, size_t length, void *user_data)
{
    wmlb_restorer *own = user_data;
    static _Atomic uint64_t turn;
    uint64_t seed = (atomic_fetch_add(&turn, 1) + 1) * 0x9e3779b97f4a7c15u;
    (void)hr, (void)type, (void)value, (void)length;
    if (is_terminal(status)) {
        last_events++;
        return WMLB_S_OK;
    }
    switch (random_of(&seed, 10)) {
    case 0:
        usleep((useconds_t)random_of(&seed, 3000));
        return WMLB_S_OK;
    case 1:
        wmlb_restorer_cancel(own);
        return WMLB_S_OK;
    case 2:
        return wmlb_restorer_set_store_path(own, store_of_all);
    case 3:
        return WMLB_E_FAIL;
    case 4:
        return wmlb_restorer_remove_all_props(wmlb_default_restorer());
    default:
        return WMLB_S_OK;
    }
}

static void *act_on_shared(void *argument)
{
    uint64_t seed = (uintptr_t)argument * 0x9e3779b97f4a7c15u | 1;
    wmlb_hresult hr, result;
    int i;
    pthread_barrier_wait(&together);
    for (i = 0; i < 6; i++) {
        switch (random_of(&seed, 6)) {
        case 0:
        case 1:
            hr = wmlb_restorer_backup_licenses(shared, WMLB_BACKUP_OVERWRITE, act_at_random,
                                               shared);
            begun += hr == WMLB_S_OK;
            CHECK(hr == WMLB_S_OK || hr == WMLB_E_HANDLE || hr == WMLB_NS_E_DRM_BACKUPRESTORE_BUSY);
            break;
        case 2:
            hr = wmlb_restorer_cancel(shared);
            CHECK(hr == WMLB_S_OK || hr == WMLB_S_FALSE || hr == WMLB_E_HANDLE);
            break;
        case 3:
            hr = wmlb_restorer_wait(shared, UINT32_MAX, &result);
            CHECK(hr == WMLB_S_OK || hr == WMLB_S_FALSE || hr == WMLB_E_HANDLE);
            break;
        case 4:
            hr = wmlb_restorer_wait(shared, 1, &result);
            CHECK(hr == WMLB_S_OK || hr == WMLB_S_FALSE || hr == WMLB_E_HANDLE || hr == TIMED_OUT);
            break;
        default:
            if (random_of(&seed, 4) == 0) {
                hr = wmlb_restorer_release(shared);
                CHECK(hr == WMLB_S_OK || hr == WMLB_E_HANDLE);
            }
        }
    }
    return NULL;
}

static void threads(int rounds, uint64_t seed)
{
    int before = threads_of_process(), i, j;
    snprintf(store_of_all, sizeof store_of_all, "%s", in_workspace("store"));
    make_store(store_of_all, 20, 5000);
    for (i = 0; i < rounds; i++) {
        pthread_t others[8];
        int of = 2 + i % 7;
        NEED(pthread_barrier_init(&together, NULL, (unsigned)of) == 0);
        shared = new_restorer(in_workspace("store"), in_workspace("backup"));
        for (j = 0; j < of; j++)
            NEED(pthread_create(&others[j], NULL, act_on_shared,
                                (void *)(uintptr_t)(seed + (uint64_t)(i * 8 + j))) == 0);
        for (j = 0; j < of; j++)
            NEED(pthread_join(others[j], NULL) == 0);
        wmlb_restorer_release(shared);
        /* Whoever released it has waited for what ran. */
        CHECK(begun == last_events);
        pthread_barrier_destroy(&together);
        if (i % 50 == 0) {
            wmlb_restorer *all[AT_ONCE];
            for (j = 0; j < AT_ONCE; j++) {
                all[j] = new_restorer(in_workspace("store"), in_workspace("backup-%d", j));
                set_threads(all[j], 2);
                CHECK_HR(wmlb_restorer_backup_licenses(all[j], WMLB_BACKUP_OVERWRITE, on_status,
                                                       NULL),
                         WMLB_S_OK);
            }
            for (j = 0; j < AT_ONCE; j++) {
                CHECK_HR(finish(all[j]), WMLB_S_OK);
                CHECK_HR(wmlb_restorer_release(all[j]), WMLB_S_OK);
            }
        }
    }
    until_threads_are(before);
    CHECK(begun > 0 && begun == last_events);
    CHECK(entries(in_workspace("backup")) <= 1);
    printf("%d rounds, %ld operations, %ld last events, %lu violated\n", rounds, (long)begun,
           (long)last_events, checks_failed);
}

/* ---- restarts ---- */

static _Atomic int is_released, too_late;

static wmlb_hresult look_for_release(int32_t status, wmlb_hresult hr, int32_t type,
                                     const uint8_t *value, size_t length, void *user_data)
{
    too_late += is_released;
    return on_status(status, hr, type, value, length, user_data);
}

static void *start_again(void *seed)
{
    wmlb_hresult hr;
    uint64_t own = (uintptr_t)seed | 1;
    volatile uint64_t spins = random_of(&own, 20000);
    pthread_barrier_wait(&together);
    while (spins-- > 0)
        ;
    hr = wmlb_restorer_backup_licenses(shared, WMLB_BACKUP_OVERWRITE, look_for_release, NULL);
    CHECK(hr == WMLB_S_OK || hr == WMLB_E_HANDLE);
    begun += hr == WMLB_S_OK;
    return NULL;
}

static void restarts(int rounds, uint64_t seed)
{
    int before = threads_of_process(), i;
    uint64_t longest = 20000;
    make_store(in_workspace("store"), 2, 100);
    NEED(pthread_barrier_init(&together, NULL, 2) == 0);
    for (i = 0; i < rounds; i++) {
        pthread_t other;
        volatile uint64_t spins = random_of(&seed, longest);
        long had_begun = begun;
        shared = new_restorer(in_workspace("store"), in_workspace("backup"));
        is_released = 0;
        CHECK_HR(wmlb_restorer_backup_licenses(shared, WMLB_BACKUP_OVERWRITE, on_status, NULL),
                 WMLB_S_OK);
        /* Until it has ended, without the wait that would see to its thread. */
        while (wmlb_restorer_cancel(shared) == WMLB_S_OK)
            sched_yield();
        NEED(pthread_create(&other, NULL, start_again,
                            (void *)(uintptr_t)random_of(&seed, UINT64_MAX)) == 0);
        pthread_barrier_wait(&together);
        while (spins-- > 0)
            ;
        CHECK_HR(wmlb_restorer_release(shared), WMLB_S_OK);
        is_released = 1;
        NEED(pthread_join(other, NULL) == 0);
        until_threads_are(before);
        /* As often before the start as after it, however slow the one and the other are. */
        if (begun > had_begun)
            longest = longest > 64 ? longest / 2 : longest;
        else
            longest = longest < 1 << 24 ? longest * 2 : longest;
    }
    CHECK(too_late == 0);
    CHECK(begun > 0);
    printf("%d rounds, %ld started again; %d events after the release\n", rounds, (long)begun,
           too_late);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    test_name = arguments[1];
    begin_workspace();
    if (strcmp(arguments[1], "writers") == 0)
        writers(atoi(arguments[2]), atoi(arguments[3]));
    else if (strcmp(arguments[1], "changes") == 0)
        changes(atoi(arguments[2]), strtoull(arguments[3], NULL, 10));
    else if (strcmp(arguments[1], "restarts") == 0)
        restarts(atoi(arguments[2]), strtoull(arguments[3], NULL, 10) + 1);
    else
        threads(atoi(arguments[2]), strtoull(arguments[3], NULL, 10));
    end_workspace();
    return checks_failed == 0 ? 0 : 1;
}
