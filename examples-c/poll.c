/*
 * Backs up a license store from a loop of the program's own, and is called by nobody: it polls the
 * queue's descriptor beside its other ones, here standard input. A line that is typed cancels the
 * backup.
 *
 *     poll STORE FOLDER
 *
 * Exit codes: 0 saved; 1 failed or canceled; 64 wrong arguments.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wmlb.h>

#include "visible.h"

/* Says what an event says. Its value is valid until the next one is fetched. */
static void show(const wmlb_event *event)
{
    wmlb_progress progress;

    if (event->status == WMLB_STATUS_PROGRESS) {
        memcpy(&progress, event->value, sizeof progress);
        printf("%" PRIu64 " licenses\n", progress.licenses_done);
    } else {
        printf("%s ", wmlb_status_name(event->status));
        print_visible(stdout, event->value != NULL ? (const char *)event->value : "", '?');
        putchar('\n');
    }
    fflush(stdout);
}

/* Fetches what there is. -> whether something can still come */
static int fetch(wmlb_queue *queue, wmlb_hresult *result)
{
    wmlb_event event = {0};
    wmlb_hresult hr;

    event.struct_size = sizeof event;
    while ((hr = wmlb_queue_next(queue, 0, &event)) == WMLB_S_OK) {
        show(&event);
        *result = event.hr; /* that of the last one stays */
    }
    return hr == WMLB_E_TIMEOUT;
}

static wmlb_hresult loop(wmlb_queue *queue)
{
    struct pollfd polled[2] = {{-1, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    wmlb_hresult result = WMLB_E_FAIL;
    int32_t fd;
    char line[256];

    if (WMLB_FAILED(wmlb_queue_fd(queue, &fd)))
        return WMLB_E_FAIL;
    polled[0].fd = fd;
    /* Only a terminal is listened to: other input may be over before the backup has begun. */
    if (!isatty(STDIN_FILENO))
        polled[1].fd = -1;
    do {
        if (poll(polled, 2, -1) > 0 && polled[1].revents != 0) {
            wmlb_queue_cancel(queue);
            if (read(STDIN_FILENO, line, sizeof line) <= 0)
                polled[1].fd = -1;
        }
    } while (fetch(queue, &result));
    return result;
}

int main(int argc, char **argv)
{
    wmlb_queue *queue;
    wmlb_hresult hr, result = WMLB_E_FAIL;

    if (argc != 3) {
        fputs("usage: poll STORE FOLDER\n", stderr);
        return 64;
    }
    hr = wmlb_queue_create(&queue);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_store_path(argv[1]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_backup_path(argv[2]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_backup_licenses(0, wmlb_queue_push, queue);
    if (WMLB_SUCCEEDED(hr))
        hr = result = loop(queue);
    else
        fprintf(stderr, "poll: %s\n", wmlb_hresult_message(hr));
    wmlb_queue_release(queue);
    return WMLB_SUCCEEDED(hr) && WMLB_SUCCEEDED(result) ? 0 : 1;
}
