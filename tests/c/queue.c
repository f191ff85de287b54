/*
 * A queue under load: operations that push a million numbered events into it, faster than they are
 * read, while they are canceled; then the same with releases of the queue and of the restorers.
 * None may be lost, doubled or out of order. And how long it takes from a descriptor that becomes
 * readable to the event.
 *
 *     queue [EVENTS]
 */

#include "harness.h"

#include <poll.h>
#include <time.h>

#define OPERATIONS 4
#define NUMBERED 0x2000
#define OF_EACH 10000

typedef struct operation {
    wmlb_restorer *restorer;
    wmlb_queue *queue;
    uint32_t name;
    uint32_t pushed, fetched; /* in this run */
} operation;

static operation operations[OPERATIONS];

/* The operation's first event brings the numbered ones along. */
static wmlb_hresult flood(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                          size_t length, void *queue)
{
    operation *own = NULL;
    wmlb_hresult answer = wmlb_queue_push(status, hr, type, value, length, queue);
    uint32_t i, numbers[2];
    if (status != WMLB_STATUS_BACKUPRESTORE_BEGIN)
        return answer;
    /* Each has a thread of its own: the one whose first event this is has not begun. */
    for (i = 0; i < OPERATIONS && own == NULL; i++) {
        uint32_t none = 0;
        if (operations[i].queue == queue &&
            __atomic_compare_exchange_n(&operations[i].pushed, &none, 1, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            own = &operations[i];
    }
    NEED(own != NULL);
    numbers[0] = own->name;
    for (i = 1; i <= OF_EACH && WMLB_SUCCEEDED(answer); i++) {
        numbers[1] = i;
        answer = wmlb_queue_push(NUMBERED, WMLB_S_OK, WMLB_TYPE_BINARY, (const uint8_t *)numbers,
                                 sizeof numbers, queue);
        if (answer == WMLB_S_OK || answer == WMLB_NS_E_DRM_OPERATION_CANCELED)
            __atomic_fetch_add(&own->pushed, 1, __ATOMIC_SEQ_CST);
    }
    return answer;
}

static wmlb_hresult start(operation *operation, wmlb_queue *queue)
{
    __atomic_store_n(&operation->pushed, 0, __ATOMIC_SEQ_CST);
    operation->queue = queue;
    operation->fetched = 0;
    return wmlb_restorer_backup_licenses(operation->restorer, WMLB_BACKUP_OVERWRITE, flood, queue);
}

/* Looks at a numbered event: each operation's come in order, from 1. */
static void count(const wmlb_event *event)
{
    uint32_t numbers[2];
    memcpy(numbers, event->value, sizeof numbers);
    if (numbers[0] < OPERATIONS && numbers[1] == operations[numbers[0]].fetched + 1)
        operations[numbers[0]].fetched++;
    else
        CHECK(!"an event is lost, doubled or out of order");
}

static unsigned long random_below(unsigned long bound)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned long)(state % bound);
}

/* All operations at once; some are canceled. How many numbered events came. */
static unsigned long round_of_cancels(wmlb_queue *queue)
{
    wmlb_event event = {sizeof event, 0, 0, 0, NULL, 0};
    unsigned long total = 0, first = 0, last = 0, pushed = 0;
    unsigned long cancel_at = random_below(3 * OF_EACH * OPERATIONS);
    wmlb_hresult hr;
    int i;
    for (i = 0; i < OPERATIONS; i++)
        CHECK_HR(start(&operations[i], queue), WMLB_S_OK);
    while ((hr = wmlb_queue_next(queue, 60000, &event)) == WMLB_S_OK) {
        first += event.status == WMLB_STATUS_BACKUPRESTORE_BEGIN;
        last += (unsigned long)is_terminal(event.status);
        if (event.status == NUMBERED) {
            count(&event);
            if (++total == cancel_at) {
                if (cancel_at % 2 == 0)
                    wmlb_queue_cancel(queue);
                else
                    wmlb_restorer_cancel(operations[cancel_at % OPERATIONS].restorer);
            }
        }
    }
    CHECK_HR(hr, WMLB_S_FALSE);
    CHECK(first == OPERATIONS && last == OPERATIONS);
    for (i = 0; i < OPERATIONS; i++)
        pushed += __atomic_load_n(&operations[i].pushed, __ATOMIC_SEQ_CST) - 1;
    CHECK(total == pushed);
    return total;
}

typedef struct release {
    wmlb_queue *queue;
    unsigned long after;
} release;

static void *release_later(void *argument)
{
    release *release = argument;
    unsigned long i;
    for (i = 0; i < release->after; i++)
        sched_yield();
    CHECK_HR(wmlb_queue_release(release->queue), WMLB_S_OK);
    return NULL;
}

/* A queue that is released while operations push and this thread fetches. */
static unsigned long round_of_releases(void)
{
    wmlb_event event = {sizeof event, 0, 0, 0, NULL, 0};
    release release = {NULL, random_below(200)};
    unsigned long total = 0;
    pthread_t thread;
    wmlb_hresult hr, result;
    int i;
    CHECK_HR(wmlb_queue_create(&release.queue), WMLB_S_OK);
    for (i = 0; i < OPERATIONS; i++)
        CHECK_HR(start(&operations[i], release.queue), WMLB_S_OK);
    NEED(pthread_create(&thread, NULL, release_later, &release) == 0);
    while ((hr = wmlb_queue_next(release.queue, 60000, &event)) == WMLB_S_OK)
        /* The value may be gone by now, so only its number is looked at. */
        total += event.status == NUMBERED;
    CHECK(hr == WMLB_E_HANDLE || hr == WMLB_S_FALSE);
    NEED(pthread_join(thread, NULL) == 0);
    for (i = 0; i < OPERATIONS; i++)
        CHECK_HR(wmlb_restorer_wait(operations[i].restorer, 60000, &result), WMLB_S_OK);
    return total;
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

#define SAMPLES 2000
static int64_t pushed_at[SAMPLES];
static int fetched;

static void *push_slowly(void *queue)
{
    int i;
    for (i = 0; i < SAMPLES; i++) {
        while (__atomic_load_n(&fetched, __ATOMIC_ACQUIRE) < i)
            sched_yield();
        pushed_at[i] = nanoseconds();
        CHECK_HR(wmlb_queue_push(NUMBERED, i, 0, NULL, 0, queue), WMLB_S_OK);
    }
    return NULL;
}

static int by_size(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

/* From poll() that returns to the event fetched, and from the push to that. */
static void latency(void)
{
    static int64_t from_ready[SAMPLES], from_push[SAMPLES];
    wmlb_event event = {sizeof event, 0, 0, 0, NULL, 0};
    struct pollfd polled = {-1, POLLIN, 0};
    wmlb_queue *queue;
    pthread_t thread;
    int i;
    CHECK_HR(wmlb_queue_create(&queue), WMLB_S_OK);
    CHECK_HR(wmlb_queue_fd(queue, &polled.fd), WMLB_S_OK);
    NEED(pthread_create(&thread, NULL, push_slowly, queue) == 0);
    for (i = 0; i < SAMPLES; i++) {
        int64_t ready;
        NEED(poll(&polled, 1, 60000) == 1);
        ready = nanoseconds();
        CHECK_HR(wmlb_queue_next(queue, 0, &event), WMLB_S_OK);
        from_ready[i] = nanoseconds() - ready;
        from_push[i] = nanoseconds() - pushed_at[i];
        CHECK(event.hr == i);
        __atomic_store_n(&fetched, i + 1, __ATOMIC_RELEASE);
    }
    NEED(pthread_join(thread, NULL) == 0);
    CHECK(poll(&polled, 1, 0) == 0);
    CHECK_HR(wmlb_queue_release(queue), WMLB_S_OK);
    qsort(from_ready, SAMPLES, sizeof *from_ready, by_size);
    qsort(from_push, SAMPLES, sizeof *from_push, by_size);
    printf("ready to fetched, us: median %.1f, p99 %.1f; push to fetched: median %.1f, p99 %.1f\n",
           (double)from_ready[SAMPLES / 2] / 1e3, (double)from_ready[SAMPLES * 99 / 100] / 1e3,
           (double)from_push[SAMPLES / 2] / 1e3, (double)from_push[SAMPLES * 99 / 100] / 1e3);
}

int main(int argc, char **argv)
{
    unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    unsigned long came = 0, rounds = 0, released = 0;
    char store[PATH_MAX];
    wmlb_queue *queue;
    int i, before;

    test_name = "queue";
    begin_workspace();
    snprintf(store, sizeof store, "%s", in_workspace("store"));
    make_store(store, 2, 100);
    before = threads_of_process();
    for (i = 0; i < OPERATIONS; i++) {
        operations[i].name = (uint32_t)i;
        CHECK_HR(wmlb_restorer_create(&operations[i].restorer), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_set_store_path(operations[i].restorer, store), WMLB_S_OK);
        CHECK_HR(wmlb_restorer_set_backup_path(operations[i].restorer,
                                               in_workspace("backup-%d", i)), WMLB_S_OK);
    }
    CHECK_HR(wmlb_queue_create(&queue), WMLB_S_OK);
    while (came < wanted && checks_failed == 0) {
        came += round_of_cancels(queue);
        released += round_of_releases();
        rounds++;
    }
    latency();
    CHECK_HR(wmlb_queue_release(queue), WMLB_S_OK);
    CHECK_HR(wmlb_queue_release(queue), WMLB_E_HANDLE);
    for (i = 0; i < OPERATIONS; i++)
        CHECK_HR(wmlb_restorer_release(operations[i].restorer), WMLB_S_OK);
    until_threads_are(before);
    end_workspace();
    printf("%lu rounds, %lu events of canceled and %lu of released ones, %lu checks, %lu failed\n",
           rounds, came, released, checks_made, checks_failed);
    return checks_failed != 0;
}
