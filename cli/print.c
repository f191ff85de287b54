/* What the wmlb command shows of progress, licenses and stores. */
#define _DEFAULT_SOURCE /* struct winsize */
#include "print.h"

#include "../examples-c/visible.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int print_plain(FILE *out, const char *text)
{
    return print_visible(out, text, '?');
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A bar is for terminals that can clear a line. */
struct run begin_run(bool quiet, bool forced)
{
    const char *terminal = getenv("TERM");
    bool dumb = terminal != NULL && strcmp(terminal, "dumb") == 0;

    return (struct run){.quiet = quiet, .forced = forced, .bar = isatty(STDERR_FILENO) && !dumb};
}

void clear_bar(struct run *run)
{
    if (run->drawn)
        fputs("\r\033[K", stderr);
    run->drawn = false;
}

/* In one row: only that can be cleared. */
static void draw_bar(const wmlb_progress *at, uint64_t done)
{
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    char text[80];
    int length = snprintf(text, sizeof text, "%" PRIu64 " licenses, %.1f MB", at->licenses_done,
                          (double)at->bytes_done / 1e6);
    /* Brackets, "100 %" and spaces; the last column stays free, so that nothing is wrapped. */
    int room = columns - length - 11;

    if (at->licenses_total > 0 && room >= 5) {
        uint64_t width = room < 30 ? (uint64_t)room : 30;
        int full = (int)(done < at->licenses_total ? width * done / at->licenses_total : width);
        fprintf(stderr, "[%.*s%*s] %3d %%  ", full, "##############################",
                (int)width - full, "", (int)(100 * done / at->licenses_total));
    }
    fprintf(stderr, "%.*s", columns > 1 ? columns - 1 : 1, text);
}

static void show_progress(struct run *run)
{
    const wmlb_progress *at = &run->progress;
    uint64_t done = at->licenses_done + at->licenses_restricted + at->licenses_skipped;

    if (run->bar) {
        clear_bar(run);
        draw_bar(at, done);
        run->drawn = true;
    } else if (now() - run->last >= 1) {
        run->last = now();
        fprintf(stderr, "%" PRIu64, done);
        if (at->licenses_total > 0)
            fprintf(stderr, " of %" PRIu64, at->licenses_total);
        fprintf(stderr, " licenses, %.1f MB\n", (double)at->bytes_done / 1e6);
    }
}

bool await_input(int file)
{
    struct pollfd input = {.fd = file, .events = POLLIN};

    /* A signal that comes right before the wait begins does not end it. */
    while (!signaled && poll(&input, 1, 50) <= 0)
        ;
    return !signaled;
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
    clear_bar(run);
    fprintf(stderr, "wmlb: this backup has %" PRIu64 " licenses, the one that it replaces %" PRIu64 "\n",
            counts[1], counts[0]);
    if (run->forced || is_agreed())
        return WMLB_S_OK;
    run->kept_earlier = true;
    return WMLB_NS_E_DRM_OPERATION_CANCELED;
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
        if (run->quiet)
            break;
        clear_bar(run);
        if (status == WMLB_STATUS_LICENSE_SKIPPED) {
            fputs("left out: ", stderr);
            print_plain(stderr, text);
        } else {
            fputs("may not be backed up: ", stderr);
            print_visible(stderr, text, ' '); /* key IDs, a line each */
        }
        if (WMLB_FAILED(hr))
            fprintf(stderr, " (%s)", wmlb_hresult_name(hr));
        fputc('\n', stderr);
        break;
    case WMLB_STATUS_FEWER_LICENSES:
        return show_fewer(run, value);
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

/* A JSON string. What a terminal would obey is escaped, so that it still is what it was; the
 * library gives UTF-8. */
void print_json(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    putchar('"');
    while (*at != 0) {
        const unsigned char *start = at;
        int32_t character = next_character(&at);

        if (character == '"' || character == '\\')
            printf("\\%c", (char)character);
        else if (is_visible(character))
            fwrite(start, 1, (size_t)(at - start), stdout);
        else /* no such character is beyond four digits */
            printf("\\u%04x", character < 0 ? 0xFFFDU : (unsigned)character);
    }
    putchar('"');
}

void print_json_member(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    print_json(text);
}

void print_json_time(const char *name, int64_t time)
{
    if (time != INT64_MIN)
        printf(", \"%s\": %" PRId64, name, time);
    else
        printf(", \"%s\": null", name);
}

static const char *right_name(int32_t right)
{
    return right == WMLB_RIGHT_ALLOWED  ? "allowed"
           : right == WMLB_RIGHT_DENIED ? "denied"
                                        : "not stated";
}

wmlb_hresult show_license(const wmlb_license_info *license, void *user_data)
{
    struct listing *listing = user_data;

    if (!listing->json) {
        if (listing->count++ == 0)
            printf("%12s %-10s %-11s %s\n", "BYTES", "FORMAT", "BACKUP", "NAME");
        printf("%12" PRIu64 " %-10s %-11s ", license->size, license->format,
               right_name(license->backup_right));
        print_plain(stdout, license->name);
        putchar('\n');
    } else {
        printf("%s{\"name\": ", listing->count++ == 0 ? "\n" : ",\n");
        print_json(license->name);
        if (strlen(license->name) != license->name_len ||
            memcmp(license->name, license->name_bytes, license->name_len) != 0) {
            fputs(", \"name_hex\": \"", stdout);
            for (size_t i = 0; i < license->name_len; i++)
                printf("%02x", license->name_bytes[i]);
            putchar('"');
        }
        print_json_member("format", license->format);
        print_json_member("license_id", license->license_id);
        print_json_member("key_ids", license->key_ids);
        print_json_member("backup_right", right_name(license->backup_right));
        printf(", \"size\": %" PRIu64, license->size);
        print_json_time("modified", license->modified);
        print_json_time("valid_from", license->valid_from);
        print_json_time("valid_until", license->valid_until);
        putchar('}');
    }
    return signaled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

static void print_column(const char *text, int width)
{
    for (int printed = print_plain(stdout, text); printed < width; printed++)
        putchar(' ');
    putchar(' ');
}

wmlb_hresult show_store(const wmlb_store_info *store, void *user_data)
{
    struct listing *listing = user_data;

    if (!listing->json) {
        const char *running = store->running > 0 ? "yes" : store->running == 0 ? "no" : "?";
        if (listing->count++ == 0)
            printf("%-16s %-20s %-8s %-10s %s\n", "PLAYER", "PROFILE", "RUNNING", "KIND", "PATH");
        print_column(store->player, 16);
        print_column(store->profile, 20);
        printf("%-8s %-10s ", running, store->kind);
        print_plain(stdout, store->path);
        putchar('\n');
    } else {
        printf("%s{\"player\": ", listing->count++ == 0 ? "\n" : ",\n");
        print_json(store->player);
        print_json_member("profile", store->profile);
        print_json_member("kind", store->kind);
        print_json_member("path", store->path);
        printf(", \"running\": %s}",
               store->running > 0 ? "true" : store->running == 0 ? "false" : "null");
    }
    return signaled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

/* On the other stream, so that the list stays one. */
wmlb_hresult show_place(const wmlb_store_info *place, void *user_data)
{
    (void)user_data;
    fputs("looked in: ", stderr);
    print_plain(stderr, place->path);
    fputs(*place->player != 0 ? " (" : "", stderr);
    print_plain(stderr, place->player);
    fputs(*place->player != 0 ? ")\n" : "\n", stderr);
    return signaled ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}
