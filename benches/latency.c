/*
 * How long a host waits for a call.
 *
 *     latency start  STORE FOLDER COUNT    starts of a backup
 *     latency cancel STORE FOLDER COUNT    cancels at random moments of a backup
 *
 * Prints one number a line, nanoseconds. start: of the starting call alone; each backup is
 * canceled and waited for before the next. cancel: from the call of wmlb_restorer_cancel()
 * to the last event; rounds in which the backup had ended before do not count. The last
 * line, after a #, says in words what else was seen.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wmlb.h>

struct end {
    int64_t at;
    wmlb_hresult hr;
};

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void sleep_for(int64_t nanoseconds)
{
    struct timespec time;

    time.tv_sec = (time_t)(nanoseconds / 1000000000);
    time.tv_nsec = (long)(nanoseconds % 1000000000);
    nanosleep(&time, NULL);
}

static void check(wmlb_hresult hr, const char *what)
{
    if (WMLB_FAILED(hr)) {
        fprintf(stderr, "latency: %s: %s\n", what, wmlb_hresult_message(hr));
        exit(1);
    }
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    struct end *end = user_data;

    (void)value_type, (void)value, (void)value_len;
    if (status == WMLB_STATUS_ERROR || status == WMLB_STATUS_BACKUPRESTORE_END) {
        end->at = now();
        end->hr = hr;
    }
    return WMLB_S_OK;
}

/* Nanoseconds of the starting call. */
static int64_t start(wmlb_restorer *restorer, struct end *end)
{
    int64_t begun = now(), taken;
    wmlb_hresult hr = wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, end);

    taken = now() - begun;
    check(hr, "start");
    return taken;
}

static void wait_for_end(wmlb_restorer *restorer)
{
    wmlb_hresult result;

    check(wmlb_restorer_wait(restorer, UINT32_MAX, &result), "wait");
}

static void measure_starts(wmlb_restorer *restorer, long count)
{
    struct end end = {0, 0};
    long round;

    for (round = 0; round < count; round++) {
        printf("%lld\n", (long long)start(restorer, &end));
        check(wmlb_restorer_cancel(restorer), "cancel");
        wait_for_end(restorer);
    }
    printf("# each canceled at once\n");
}

static void measure_cancels(wmlb_restorer *restorer, long count)
{
    struct end end = {0, 0};
    int64_t whole = 0;
    long counted = 0, too_late = 0, done = 0, round;

    /* The moments are spread over the time that a whole backup takes. */
    for (round = 0; round < 3; round++) {
        int64_t begun = now();

        start(restorer, &end);
        wait_for_end(restorer);
        if (end.at - begun > whole)
            whole = end.at - begun;
    }
    srand(1);
    while (counted < count) {
        int64_t asked;
        wmlb_hresult hr;

        start(restorer, &end);
        sleep_for((int64_t)((double)whole * rand() / RAND_MAX));
        asked = now();
        hr = wmlb_restorer_cancel(restorer);
        check(hr, "cancel");
        wait_for_end(restorer);
        if (hr == WMLB_S_FALSE || end.at < asked) {
            too_late++;
            continue;
        }
        /* A cancel during the commit is answered with END, and is as much waited for. */
        done += end.hr == WMLB_S_OK;
        printf("%lld\n", (long long)(end.at - asked));
        counted++;
    }
    printf("# over %.0f ms; %ld more came after the end, %ld met the commit and ended in END\n",
           (double)whole / 1e6, too_late, done);
}

int main(int argc, char **argv)
{
    wmlb_restorer *restorer = NULL;

    if (argc != 5) {
        fputs("usage: latency start|cancel STORE FOLDER COUNT\n", stderr);
        return 2;
    }
    check(wmlb_restorer_create(&restorer), "create");
    check(wmlb_restorer_set_store_path(restorer, argv[2]), "store");
    check(wmlb_restorer_set_backup_path(restorer, argv[3]), "folder");
    if (strcmp(argv[1], "start") == 0)
        measure_starts(restorer, strtol(argv[4], NULL, 10));
    else
        measure_cancels(restorer, strtol(argv[4], NULL, 10));
    wmlb_restorer_release(restorer);
    return 0;
}
