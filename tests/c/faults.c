/*
 * What the library does when threads run out, and what it does with its threads.
 * This program stands between the library and the C library: its own pthread_create,
 * pthread_join and pthread_detach count, and fail when told to.
 */

#include "harness.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>

#define LICENSES 12

/* ---- threads ---- */

static int watching;                 /* threads are counted */
static int created, joined, detached, unblocked;
static int fail_from = INT_MAX;      /* the first creation to fail ... */
static int fail_to = INT_MAX;        /* ... and the last */

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*body)(void *), void *argument)
{
    static create_function *real;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (watching) {
        int number = __atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
        sigset_t mask;
        /* A new thread blocks what the one that makes it blocks. */
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGALRM) ||
            !sigismember(&mask, SIGRTMIN))
            __atomic_add_fetch(&unblocked, 1, __ATOMIC_RELAXED);
        if (number >= fail_from && number <= fail_to)
            return EAGAIN;
    }
    return real(thread, attributes, body, argument);
}

int pthread_join(pthread_t thread, void **value)
{
    static int (*real)(pthread_t, void **);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_join");
    if (watching)
        __atomic_add_fetch(&joined, 1, __ATOMIC_RELAXED);
    return real(thread, value);
}

int pthread_detach(pthread_t thread)
{
    static int (*real)(pthread_t);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_detach");
    if (watching)
        __atomic_add_fetch(&detached, 1, __ATOMIC_RELAXED);
    return real(thread);
}

static void watch_threads(int first_to_fail, int last_to_fail)
{
    created = joined = detached = unblocked = 0;
    fail_from = first_to_fail;
    fail_to = last_to_fail;
    watching = 1;
}

static void watch_no_threads(void)
{
    watching = 0;
    fail_from = fail_to = INT_MAX;
}

/* ---- the tests ---- */

static const char *store;

static void without_a_thread(void)
{
    const char *folder = in_workspace("without-a-thread");
    wmlb_restorer *restorer = new_restorer(store, folder);
    wmlb_hresult result = 77;
    recorder told;

    recorder_init(&told);
    watch_threads(1, INT_MAX);
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_E_OUTOFMEMORY);
    watch_no_threads();
    CHECK(created == 1);
    CHECK(told.count == 0);
    CHECK(entries(folder) == 0);
    CHECK(strlen(last_error(restorer)) > 0);
    CHECK_HR(wmlb_restorer_cancel(restorer), WMLB_S_FALSE);
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_FALSE);

    /* It is over: the next start works. */
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
    CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
    CHECK_HR(result, WMLB_S_OK);
    CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
    recorder_destroy(&told);
}

/* With fewer threads than wanted the work gets done all the same. */
static void with_fewer_threads(void)
{
    int first, last;
    for (first = 2; first <= 5; first++) {
        for (last = first; last <= 5; last++) {
            const char *folder = in_workspace("fewer-%d-%d", first, last);
            wmlb_restorer *restorer = new_restorer(store, folder);
            wmlb_hresult result = 77;
            recorder told;
            recorder_init(&told);
            set_threads(restorer, 4);
            watch_threads(first, last == 5 ? INT_MAX : last);
            CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
            CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
            watch_no_threads();
            CHECK_HR(result, WMLB_S_OK);
            CHECK(told.terminals == 1);
            CHECK(last_event(&told)[-1].progress.licenses_done == LICENSES);
            CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
            recorder_destroy(&told);
        }
    }
}

/* No thread before an operation starts, and none after the wait for it has returned: so
   each is joined, none is left to end by itself. */
static void every_thread_is_joined(void)
{
    const uint32_t wanted[] = {1, 2, 4};
    size_t i;
    int releases;
    for (i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        for (releases = 0; releases < 2; releases++) {
            const char *folder = in_workspace("joined-%u-%d", wanted[i], releases);
            wmlb_restorer *restorer;
            wmlb_hresult result = 77;
            recorder told;
            recorder_init(&told);
            watch_threads(INT_MAX, INT_MAX);
            restorer = new_restorer(store, folder);
            set_threads(restorer, wanted[i]);
            CHECK(created == 0);
            told.hold_at = WMLB_STATUS_PROGRESS;
            CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
            until_held(&told);
            let_go(&told);
            if (releases)
                CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
            else
                CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
            watch_no_threads();
            if (wanted[i] == 1)
                CHECK(created == 1);
            CHECK(created >= 1 && unblocked == 0);
            check_(joined == created && detached == 0, __FILE__, __LINE__,
                   "Threads=%u, %s: of %d threads %d joined, %d detached", wanted[i],
                   releases ? "release" : "wait", created, joined, detached);
            if (!releases)
                CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
            recorder_destroy(&told);
        }
    }
}

int main(int count, char **arguments)
{
    const struct {
        const char *name;
        void (*body)(void);
    } tests[] = {
        {"threads_run_out", without_a_thread},
        {"threads_are_too_few", with_fewer_threads},
        {"threads_are_joined", every_thread_is_joined},
    };
    char store_path[PATH_MAX];
    size_t i;
    int ran = 0;

    begin_workspace();
    snprintf(store_path, sizeof store_path, "%s", in_workspace("store"));
    store = store_path;
    make_store(store, LICENSES, 400);
    for (i = 0; i < sizeof tests / sizeof *tests; i++) {
        /* With an argument: those that begin with it. */
        if (count > 1 && strncmp(arguments[1], tests[i].name, strlen(arguments[1])) != 0)
            continue;
        test_name = tests[i].name;
        tests[i].body();
        ran++;
    }
    end_workspace();
    printf("%d tests; ", ran);
    return summary("faults") || ran == 0;
}
