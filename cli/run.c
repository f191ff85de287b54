/* What the wmlb command shows of an operation. */
#define _DEFAULT_SOURCE /* struct winsize */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../examples-c/visible.h"
#include "json.h"
#include "print.h"
#include "words.h"

/* Lines about licenses that were left out, unless more are wanted. */
enum { MOST_TOLD = 100 };

/* A bar is for terminals that can clear a line. */
struct run begin_run(const struct arguments *arguments, FILE *out)
{
    return (struct run){
        .out = out,
        .json = GIVEN(arguments, JSON),
        .quiet = GIVEN(arguments, QUIET),
        .verbose = GIVEN(arguments, VERBOSE),
        .forced = GIVEN(arguments, FORCE),
        .asks = !arguments->is_unattended,
        .bar = !GIVEN(arguments, QUIET) && !GIVEN(arguments, JSON) && is_able_terminal(stderr),
        .start = now(),
    };
}

void clear_bar(struct run *run)
{
    if (run->drawn)
        fputs("\r\033[K", stderr);
    run->drawn = false;
}

static uint64_t done_of(const wmlb_progress *at)
{
    return at->licenses_done + at->licenses_restricted + at->licenses_skipped;
}

/* How much is done, 0 to 1: large licenses show in the bytes, small ones in the number. Negative
 * where it is not known. */
static double share_of(const wmlb_progress *at)
{
    double licenses, bytes = 0;

    if (at->licenses_total == 0)
        return -1;
    licenses = (double)done_of(at) / (double)at->licenses_total;
    if (at->bytes_total > 0)
        bytes = (double)at->bytes_done / (double)at->bytes_total;
    licenses = bytes > licenses ? bytes : licenses;
    return licenses > 1 ? 1 : licenses;
}

/* In one row: only that can be cleared. */
static void draw_bar(const wmlb_progress *at)
{
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    double share = share_of(at);
    char text[80];
    int length = snprintf(text, sizeof text, "%" PRIu64 " licenses, %.1f MB", at->licenses_done,
                          (double)at->bytes_done / 1e6);
    /* Brackets, "100 %" and spaces; the last column stays free, so that nothing is wrapped. */
    int room = columns - length - 11;

    if (share >= 0 && room >= 5) {
        int width = room < 30 ? room : 30;
        int full = (int)(width * share);
        fprintf(stderr, "[%.*s%*s] %3d %%  ", full, "##############################",
                width - full, "", (int)(100 * share));
    }
    fprintf(stderr, "%.*s", columns > 1 ? columns - 1 : 1, text);
}

static void add_progress(struct object *object, const wmlb_progress *at)
{
    add_number(object, "licenses", at->licenses_done);
    add_known(object, "licenses_total", at->licenses_total, 0);
    add_number(object, "bytes", at->bytes_done);
    add_known(object, "bytes_total", at->bytes_total, 0);
    add_number(object, "restricted", at->licenses_restricted);
    add_number(object, "left_out", at->licenses_skipped);
    add_number(object, "unchanged", at->licenses_reused);
}

static struct object begin_event(const struct run *run, const char *name)
{
    struct object object = begin_object(run->out);

    add_text(&object, "event", name);
    return object;
}

static void end_event(struct object *object)
{
    end_object(object);
    fputc('\n', object->out);
    fflush(object->out);
}

static void show_progress(struct run *run)
{
    const wmlb_progress *at = &run->progress;

    if (run->json) {
        struct object event = begin_event(run, "progress");

        add_progress(&event, at);
        end_event(&event);
    } else if (run->bar) {
        clear_bar(run);
        draw_bar(at);
        run->drawn = true;
    } else if (run->verbose && now() - run->last >= 1) {
        run->last = now();
        fprintf(stderr, "%" PRIu64, done_of(at));
        if (at->licenses_total > 0)
            fprintf(stderr, " of %" PRIu64, at->licenses_total);
        fprintf(stderr, " licenses, %.1f MB\n", (double)at->bytes_done / 1e6);
    }
}

/* The user's yes to a question; only a terminal has a user. */
static bool is_agreed(void)
{
    char first = 'n', next;

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fputs("Replace it? [y/N] ", stderr);
    fflush(stderr);
    if (!await_input(STDIN_FILENO) || read(STDIN_FILENO, &first, 1) != 1)
        return false;
    for (next = first; next != '\n' && read(STDIN_FILENO, &next, 1) == 1;)
        ;
    return first == 'y' || first == 'Y';
}

static wmlb_hresult show_fewer(struct run *run, const uint8_t *value)
{
    uint64_t counts[2];

    memcpy(counts, value, sizeof counts);
    if (run->json) {
        struct object event = begin_event(run, "fewer_licenses");

        add_number(&event, "before", counts[0]);
        add_number(&event, "now", counts[1]);
        end_event(&event);
    }
    clear_bar(run);
    begin_complaint();
    fputs("this backup has ", stderr);
    print_licenses(stderr, counts[1]);
    fprintf(stderr, ", the one that it replaces %" PRIu64 "\n", counts[0]);
    if (run->forced || (run->asks && is_agreed()))
        return WMLB_S_OK;
    run->kept_earlier = true;
    return WMLB_NS_E_DRM_OPERATION_CANCELED;
}

/* A license that is left out. That its owner forbids its backup is no news where nobody looks. */
static void show_left_out(struct run *run, bool restricted, const char *text, wmlb_hresult hr)
{
    if (run->json) {
        struct object event = begin_event(run, restricted ? "restricted" : "left_out");

        if (restricted) {
            add_lines(&event, "ids", text);
        } else {
            add_text(&event, "name", text);
            add_text(&event, "code", wmlb_hresult_name(hr));
        }
        end_event(&event);
        return;
    }
    if (restricted && (run->quiet || !(run->verbose || isatty(STDERR_FILENO))))
        return;
    clear_bar(run);
    if (!run->verbose && run->told++ >= MOST_TOLD) {
        if (run->told == MOST_TOLD + 1)
            fputs("and more, which --verbose tells\n", stderr);
        return;
    }
    fprintf(stderr, "%s%s%s ", color(stderr, YELLOW),
            restricted ? "may not be backed up:" : "left out:", color(stderr, PLAIN));
    print_visible(stderr, text, restricted ? ' ' : '?'); /* key IDs are a line each */
    if (!restricted && WMLB_FAILED(hr)) {
        fputs(" (", stderr);
        print_reason(stderr, hr);
        if (run->verbose)
            fprintf(stderr, ", %s", wmlb_hresult_name(hr));
        fputc(')', stderr);
    }
    fputc('\n', stderr);
}

wmlb_hresult show_event(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                        size_t len, void *user_data)
{
    struct run *run = user_data;
    const char *text = type == WMLB_TYPE_STRING && value != NULL ? (const char *)value : "";

    switch (status) {
    case WMLB_STATUS_PROGRESS:
        memcpy(&run->progress, value, len < sizeof run->progress ? len : sizeof run->progress);
        if (!run->quiet)
            show_progress(run);
        break;
    case WMLB_STATUS_RESTRICTED_LICENSE:
    case WMLB_STATUS_LICENSE_SKIPPED:
        show_left_out(run, status == WMLB_STATUS_RESTRICTED_LICENSE, text, hr);
        break;
    case WMLB_STATUS_FEWER_LICENSES:
        return show_fewer(run, value);
    case WMLB_STATUS_BACKUPRESTORE_END:
        run->file = strdup(text);
        break;
    case WMLB_STATUS_ERROR_WITHURL:
        clear_bar(run);
        fputs("see: ", stderr);
        print_plain(stderr, text);
        fputc('\n', stderr);
        break;
    default:
        break;
    }
    fflush(stderr);
    return WMLB_S_OK;
}

static void add_result(struct run *run, const struct command *command, const char *file,
                       uint64_t size, const char *store, double seconds)
{
    struct object event = begin_event(run, "done");

    add_text(&event, "command", command->name);
    if (file != NULL) {
        add_text(&event, "file", file);
        add_number(&event, "file_size", size);
    }
    if (store != NULL)
        add_text(&event, "store", store);
    add_progress(&event, &run->progress);
    add_seconds(&event, "seconds", seconds);
    end_event(&event);
}

static void print_duration(FILE *out, double seconds)
{
    if (seconds < 60)
        fprintf(out, "%.1f s", seconds);
    else
        fprintf(out, "%.0f min %.0f s", (double)((int64_t)seconds / 60),
                (double)((int64_t)seconds % 60));
}

void show_failure(const struct run *run, wmlb_hresult hr)
{
    char *words = run->json ? failure_words(hr) : NULL;

    if (run->json) {
        struct object event = begin_event(run, "failed");

        add_text(&event, "code", wmlb_hresult_name(hr));
        add_text(&event, "message", words != NULL ? words : wmlb_hresult_message(hr));
        end_event(&event);
    }
    free(words);
}

void show_result(struct run *run, const struct command *command, const char *store)
{
    const wmlb_progress *at = &run->progress;
    const char *verb = command->bit == BACKUP ? "backed up"
                       : command->bit == RESTORE ? "restored" : "verified";
    double seconds = now() - run->start;
    struct stat status = {.st_size = 0};
    const char *file = run->file;
    FILE *out = run->out;

    if (file != NULL && stat(file, &status) != 0)
        file = NULL;
    if (run->json)
        add_result(run, command, file, (uint64_t)status.st_size, store, seconds);
    if (run->json || run->quiet)
        return;
    fprintf(out, "%s%s ", color(out, BOLD), verb);
    print_licenses(out, at->licenses_done);
    if (command->bit == VERIFY && at->licenses_total > at->licenses_done)
        fprintf(out, " of %" PRIu64, at->licenses_total); /* a sample */
    fprintf(out, "%s (", color(out, PLAIN));
    print_size(out, at->bytes_done);
    fputs(") in ", out);
    print_duration(out, seconds);
    if (file != NULL) {
        fputs(command->bit == BACKUP ? " to " : command->bit == RESTORE ? " from " : ": ", out);
        print_plain(out, file);
        fputs(" (", out);
        print_size(out, (uint64_t)status.st_size);
        fputc(')', out);
    }
    if (store != NULL && command->bit == RESTORE) {
        fputs(" to ", out);
        print_plain(out, store);
    }
    if (at->licenses_restricted > 0)
        fprintf(out, ", %" PRIu64 " may not be backed up", at->licenses_restricted);
    if (at->licenses_skipped > 0)
        fprintf(out, ", %" PRIu64 " left out", at->licenses_skipped);
    if (at->licenses_reused > 0)
        fprintf(out, ", %" PRIu64 " unchanged", at->licenses_reused);
    fputc('\n', out);
}
