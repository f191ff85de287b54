/*
 * Backs up a license store with a progress bar; Ctrl-C ends it and leaves an older backup
 * as it was.
 *
 *     progress [-f] [-p] STORE FOLDER
 *
 *     -f  replace the backup that is there
 *     -p  leave out licenses that cannot be read, instead of failing
 *
 * Exit codes: 0 saved; 1 failed; 2 saved, but without licenses that could not be read (-p);
 * 64 wrong arguments; 130 ended by Ctrl-C, 143 by SIGTERM.
 *
 * Two threads take part. The library's calls on_status(), which only takes notes. This
 * program's draws, and looks for signals, between short waits. The notes are read after
 * wmlb_restorer_wait() has said that the operation is over, so they need no lock.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wmlb.h>

#include "visible.h"

#define TIMED_OUT WMLB_HRESULT_FROM_WIN32(258)
#define STEP_MS 100       /* how often the bar moves, and how long Ctrl-C may wait */
#define LINE_SECONDS 2.0  /* how often a log file gets a line */
#define BAR_WIDTH 30

/* A license that was left out. */
struct note {
    struct note *next;
    int32_t status;
    wmlb_hresult hr;
    char text[]; /* its key IDs or its name */
};

struct notes {
    struct note *first, **end;
    uint64_t lost; /* no memory for them */
};

/* A handler may do next to nothing: no printf, no call of the library. A flag is enough. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

static int catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    /* SA_RESETHAND: a second Ctrl-C ends the program on the spot, should the first hang. */
    action.sa_flags = SA_RESTART | SA_RESETHAND;
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0) {
        perror("sigaction");
        return -1;
    }
    return 0;
}

static void failure(wmlb_restorer *restorer, const char *what, wmlb_hresult hr)
{
    const char *words = wmlb_hresult_message(hr);
    char *buffer = NULL;
    size_t size = 0;

    if (WMLB_SUCCEEDED(wmlb_restorer_get_last_error(restorer, NULL, &size)) && size > 1 &&
        (buffer = malloc(size)) != NULL &&
        WMLB_SUCCEEDED(wmlb_restorer_get_last_error(restorer, buffer, &size)))
        words = buffer;
    fprintf(stderr, "%s: ", what);
    print_visible(stderr, words, ' ');
    fprintf(stderr, " (%s)\n", wmlb_hresult_name(hr));
    free(buffer);
}

/* Runs on the library's thread, and the backup waits for it: it takes a note and returns. */
static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    struct notes *notes = user_data;
    struct note *note;

    if (status != WMLB_STATUS_RESTRICTED_LICENSE && status != WMLB_STATUS_LICENSE_SKIPPED)
        return WMLB_S_OK;
    if (value_type != WMLB_TYPE_STRING)
        return WMLB_S_OK;
    note = malloc(sizeof *note + value_len + 1);
    if (note == NULL) {
        notes->lost++; /* no reason to end the backup */
        return WMLB_S_OK;
    }
    note->next = NULL;
    note->status = status;
    note->hr = hr;
    memcpy(note->text, value, value_len); /* value is gone after this call */
    note->text[value_len] = '\0';
    *notes->end = note;
    notes->end = &note->next;
    return WMLB_S_OK;
}

static void print_notes(const struct notes *notes)
{
    const struct note *note;

    for (note = notes->first; note != NULL; note = note->next) {
        int skipped = note->status == WMLB_STATUS_LICENSE_SKIPPED;

        print_line(stdout, skipped ? "skipped: " : "restricted: ", note->text,
                   skipped ? wmlb_hresult_message(note->hr) : NULL);
    }
    if (notes->lost > 0)
        printf("and %" PRIu64 " more, for which there was no memory\n", notes->lost);
}

static void free_notes(struct notes *notes)
{
    while (notes->first != NULL) {
        struct note *next = notes->first->next;

        free(notes->first);
        notes->first = next;
    }
    notes->end = &notes->first;
}

static void draw(const wmlb_progress *progress, int terminal)
{
    uint64_t seen = progress->licenses_done + progress->licenses_restricted + progress->licenses_skipped;
    double mebibytes = (double)progress->bytes_done / (1024.0 * 1024.0);

    if (terminal)
        fputs("\r\033[K", stdout); /* to the start of the line, and empty it */
    if (progress->licenses_total == 0) {
        /* The store is still being listed, so there is no knowing how far this is. */
        printf("%" PRIu64 " licenses, %.1f MiB", seen, mebibytes);
    } else {
        double part = (double)seen / (double)progress->licenses_total;

        if (part > 1.0)
            part = 1.0;
        if (terminal) {
            char bar[BAR_WIDTH + 1];

            memset(bar, ' ', BAR_WIDTH);
            memset(bar, '#', (size_t)(part * BAR_WIDTH));
            bar[BAR_WIDTH] = '\0';
            printf("[%s] ", bar);
        }
        printf("%3.0f %%  %" PRIu64 " of %" PRIu64 " licenses, %.1f MiB", part * 100.0, seen,
               progress->licenses_total, mebibytes);
    }
    if (!terminal)
        putchar('\n');
    fflush(stdout); /* also for a log file: somebody may be following it */
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits for the end, draws meanwhile, cancels on a signal. Returns what the last wait did. */
static wmlb_hresult follow(wmlb_restorer *restorer, wmlb_hresult *result)
{
    int terminal = isatty(STDOUT_FILENO), canceled = 0;
    double line_at = now() + LINE_SECONDS;
    wmlb_progress progress;
    wmlb_hresult hr;

    memset(&progress, 0, sizeof progress);
    progress.struct_size = sizeof progress; /* tells the library how much it may write */
    do {
        hr = wmlb_restorer_wait(restorer, STEP_MS, result);
        if (caught != 0 && !canceled) {
            /* Only asks: the end is still to be waited for. S_FALSE, when the backup was
               faster, is just as well. */
            wmlb_restorer_cancel_license_backup(restorer);
            canceled = 1;
        }
        if ((terminal || now() >= line_at) &&
            WMLB_SUCCEEDED(wmlb_restorer_get_progress(restorer, &progress))) {
            draw(&progress, terminal);
            line_at = now() + LINE_SECONDS;
        }
    } while (hr == TIMED_OUT);
    if (terminal)
        putchar('\n');
    return hr;
}

static int back_up(wmlb_restorer *restorer, uint32_t flags, const char *store, const char *folder,
                   struct notes *notes)
{
    wmlb_hresult hr, result = WMLB_S_OK;
    wmlb_progress progress;

    if (WMLB_FAILED(hr = wmlb_restorer_set_store_path(restorer, store)) ||
        WMLB_FAILED(hr = wmlb_restorer_set_backup_path(restorer, folder)) ||
        WMLB_FAILED(hr = wmlb_restorer_backup_licenses(restorer, flags, on_status, notes))) {
        failure(restorer, "the backup did not start", hr);
        if (hr == WMLB_NS_E_DRM_BACKUP_EXISTS)
            fputs("-f replaces the backup that is there\n", stderr);
        return 1;
    }
    hr = follow(restorer, &result);
    if (WMLB_FAILED(hr)) {
        failure(restorer, "cannot wait for the backup", hr);
        return 1;
    }
    print_notes(notes);
    if (result == WMLB_NS_E_DRM_OPERATION_CANCELED) {
        puts("canceled; nothing was changed");
        return caught != 0 ? 128 + (int)caught : 1;
    }
    /* The one failure value that a finished backup ends with: it was made, but not of all. */
    if (WMLB_FAILED(result) && result != WMLB_NS_E_DRM_STORE_NOTALLSTORED) {
        failure(restorer, "the backup failed", result);
        return 1;
    }
    memset(&progress, 0, sizeof progress);
    progress.struct_size = sizeof progress;
    if (WMLB_SUCCEEDED(wmlb_restorer_get_progress(restorer, &progress))) {
        printf("saved %" PRIu64 " licenses, %" PRIu64 " restricted, %" PRIu64 " skipped",
               progress.licenses_done, progress.licenses_restricted, progress.licenses_skipped);
        print_line(stdout, " in ", folder, NULL);
    }
    return result == WMLB_S_OK ? 0 : 2;
}

int main(int argc, char **argv)
{
    struct notes notes = {NULL, NULL, 0};
    wmlb_restorer *restorer = NULL;
    uint32_t flags = 0;
    wmlb_hresult hr;
    int option, code;

    while ((option = getopt(argc, argv, "fp")) != -1) {
        if (option == 'f') {
            flags |= WMLB_BACKUP_OVERWRITE;
        } else if (option == 'p') {
            flags |= WMLB_BACKUP_PARTIAL;
        } else {
            return 64;
        }
    }
    if (argc - optind != 2) {
        fputs("usage: progress [-f] [-p] STORE FOLDER\n", stderr);
        return 64;
    }
    if (catch_signals() != 0)
        return 1;

    /* A restorer of our own: a program can have several, each with an operation. */
    hr = wmlb_restorer_create(&restorer);
    if (WMLB_FAILED(hr)) {
        fprintf(stderr, "cannot create a restorer: %s\n", wmlb_hresult_message(hr));
        return 1;
    }
    notes.end = &notes.first;
    code = back_up(restorer, flags, argv[optind], argv[optind + 1], &notes);

    /* After this the callback is not called again, whatever happened before. */
    wmlb_restorer_release(restorer);
    free_notes(&notes);
    return code;
}
