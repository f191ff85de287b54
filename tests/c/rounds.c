/*
 * 1,000 operations that are ended in every way and at varied moments: by an answer, by a
 * cancel from outside or inside, by a release inside a callback or from another thread, or
 * not at all. Whatever the moment: exactly one terminal event (none after a release inside
 * a callback), a result that agrees with it, and a backup folder that holds the whole
 * backup file or nothing.
 */

#include "harness.h"

#define LICENSES 60

enum way {
    LEFT_ALONE,
    CANCEL_AT_ONCE,
    CANCEL_AT_EVENT,
    CANCEL_INSIDE,
    CANCEL_WHEN_SOME_ARE_DONE,
    ANSWER_NO,
    RELEASE_AT_ONCE,
    RELEASE_AT_EVENT,
    RELEASE_INSIDE,
    RELEASE_WHILE_ANOTHER_WAITS,
    WAYS
};

/* One round's user_data; freed as soon as the contract says that nobody looks any more. */
typedef struct round {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    wmlb_restorer *restorer;
    enum way way;
    int moment;          /* of which event */
    int events, terminals, after_terminal;
    wmlb_hresult last;
} round_data;

/* What a release inside a callback leaves, which frees the round itself. */
static pthread_mutex_t inside_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t inside_changed = PTHREAD_COND_INITIALIZER;
static int inside_released, inside_terminal;

static uint32_t seed;

static uint32_t random_below(uint32_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % bound;
}

static round_data *new_round(wmlb_restorer *restorer, enum way way, int moment)
{
    round_data *round = calloc(1, sizeof *round);
    NEED(round != NULL);
    pthread_mutex_init(&round->lock, NULL);
    pthread_cond_init(&round->changed, NULL);
    round->restorer = restorer;
    round->way = way;
    round->moment = moment;
    return round;
}

static void free_round(round_data *round)
{
    pthread_mutex_destroy(&round->lock);
    pthread_cond_destroy(&round->changed);
    memset(round, 0x5A, sizeof *round);
    free(round);
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    round_data *round = user_data;
    enum way way = round->way;
    int its_moment, terminal = is_terminal(status);
    volatile uint8_t sum = 0;
    size_t i;

    (void)type;
    /* Every byte of the value can be read. */
    for (i = 0; i < length; i++)
        sum = (uint8_t)(sum + value[i]);
    pthread_mutex_lock(&round->lock);
    its_moment = round->events++ == round->moment;
    round->after_terminal += round->terminals > 0;
    round->terminals += terminal;
    if (terminal)
        round->last = hr;
    pthread_cond_broadcast(&round->changed);
    pthread_mutex_unlock(&round->lock);

    if (way == RELEASE_INSIDE && (its_moment || terminal)) {
        CHECK_HR(wmlb_restorer_release(round->restorer), WMLB_S_OK);
        free_round(round);
        pthread_mutex_lock(&inside_lock);
        inside_released = 1;
        inside_terminal = status;
        pthread_cond_broadcast(&inside_changed);
        pthread_mutex_unlock(&inside_lock);
    } else if (way == CANCEL_INSIDE && its_moment) {
        CHECK_HR(wmlb_restorer_cancel(round->restorer), WMLB_S_OK);
    } else if (way == ANSWER_NO && its_moment) {
        return WMLB_E_FAIL;
    }
    return WMLB_S_OK;
}

static void until_moment(round_data *round)
{
    pthread_mutex_lock(&round->lock);
    while (round->events <= round->moment && round->terminals == 0)
        pthread_cond_wait(&round->changed, &round->lock);
    pthread_mutex_unlock(&round->lock);
}

static void *wait_for_it(void *argument)
{
    wmlb_hresult result = WMLB_E_FAIL;
    wmlb_hresult hr = wmlb_restorer_wait(argument, UINT32_MAX, &result);
    /* The release may have been quicker than the wait. */
    CHECK((hr == WMLB_S_OK && (result == WMLB_S_OK ||
                               result == WMLB_NS_E_DRM_OPERATION_CANCELED)) ||
          hr == WMLB_E_HANDLE);
    return NULL;
}

static void check_folder(const char *folder, int has_file)
{
    const char *file = in_workspace("backup/licenses.wmlb");
    CHECK(is_there(file) == has_file);
    CHECK(entries(folder) == has_file);
    if (has_file)
        NEED(unlink(file) == 0);
}

/* Which ways and ends there were, for the last line. */
static int ended[WAYS], canceled[WAYS];

static void run_round(const char *store, const char *folder, int number, int threads_before)
{
    enum way way = (enum way)(number % WAYS);
    wmlb_restorer *restorer = new_restorer(store, folder);
    round_data *round = new_round(restorer, way, (int)random_below(4));
    wmlb_hresult result = WMLB_E_FAIL, last;
    wmlb_progress progress;
    pthread_t waiting;
    uint64_t some = random_below(LICENSES + 1);
    int released = 0;

    set_threads(restorer, random_below(4));
    CHECK_HR(wmlb_restorer_backup_licenses(restorer, 0, on_status, round), WMLB_S_OK);
    switch (way) {
    case CANCEL_AT_ONCE:
        CHECK(WMLB_SUCCEEDED(wmlb_restorer_cancel(restorer)));
        break;
    case CANCEL_AT_EVENT:
        until_moment(round);
        CHECK(WMLB_SUCCEEDED(wmlb_restorer_cancel_license_backup(restorer)));
        break;
    case CANCEL_WHEN_SOME_ARE_DONE:
        progress.struct_size = sizeof progress;
        do {
            sched_yield();
            CHECK_HR(wmlb_restorer_get_progress(restorer, &progress), WMLB_S_OK);
        } while (progress.licenses_done < some);
        CHECK(WMLB_SUCCEEDED(wmlb_restorer_cancel(restorer)));
        break;
    case RELEASE_AT_EVENT:
        until_moment(round);
        released = 1;
        break;
    case RELEASE_AT_ONCE:
        released = 1;
        break;
    case RELEASE_WHILE_ANOTHER_WAITS:
        NEED(pthread_create(&waiting, NULL, wait_for_it, restorer) == 0);
        released = 1;
        break;
    case RELEASE_INSIDE:
        pthread_mutex_lock(&inside_lock);
        while (!inside_released)
            pthread_cond_wait(&inside_changed, &inside_lock);
        inside_released = 0;
        pthread_mutex_unlock(&inside_lock);
        CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_E_HANDLE);
        /* Nothing else tells when the thread has gone. */
        until_threads_are(threads_before);
        ended[way] += inside_terminal == WMLB_STATUS_BACKUPRESTORE_END;
        canceled[way] += inside_terminal != WMLB_STATUS_BACKUPRESTORE_END;
        check_folder(folder, inside_terminal == WMLB_STATUS_BACKUPRESTORE_END);
        return;
    default:
        break;
    }

    if (released) {
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
        if (way == RELEASE_WHILE_ANOTHER_WAITS)
            NEED(pthread_join(waiting, NULL) == 0);
    } else {
        CHECK_HR(wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
        CHECK(result == round->last);
    }
    CHECK(round->terminals == 1 && round->after_terminal == 0);
    last = round->last;
    free_round(round);
    CHECK(last == WMLB_S_OK || last == WMLB_NS_E_DRM_OPERATION_CANCELED);
    if (way == LEFT_ALONE)
        CHECK_HR(last, WMLB_S_OK);
    ended[way] += last == WMLB_S_OK;
    canceled[way] += last != WMLB_S_OK;
    check_folder(folder, last == WMLB_S_OK);
    if (!released)
        CHECK_HR(wmlb_restorer_release(restorer), WMLB_S_OK);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 1000;
    int i, all_ended = 0, all_canceled = 0, threads = threads_of_process();
    char store[PATH_MAX], folder[PATH_MAX];

    test_name = "rounds";
    seed = count > 2 ? (uint32_t)strtoul(arguments[2], NULL, 10) : 20260701u;
    begin_workspace();
    snprintf(store, sizeof store, "%s", in_workspace("store"));
    snprintf(folder, sizeof folder, "%s", in_workspace("backup"));
    make_store(store, LICENSES, 500);
    for (i = 0; i < rounds; i++)
        run_round(store, folder, i, threads);
    until_threads_are(threads);
    end_workspace();
    for (i = 0; i < WAYS; i++) {
        all_ended += ended[i];
        all_canceled += canceled[i];
    }
    CHECK(all_ended + all_canceled == rounds);
    /* Moments that are all the same would prove little. */
    CHECK(canceled[CANCEL_INSIDE] > 0 && canceled[ANSWER_NO] > 0);
    CHECK(ended[RELEASE_INSIDE] > 0 && canceled[RELEASE_INSIDE] > 0);
    printf("%d rounds, %d to their end, %d canceled; ", rounds, all_ended, all_canceled);
    return summary("rounds");
}
