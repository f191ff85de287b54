/* The lists of the wmlb command. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, flockfile */
#include "list.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wmlb.h>

#include "diff.h"
#include "generations.h"
#include "operate.h"
#include "print.h"
#include "remote.h"
#include "words.h"

static const char *right_name(int32_t right)
{
    return right == WMLB_RIGHT_ALLOWED  ? "allowed"
           : right == WMLB_RIGHT_DENIED ? "denied"
                                        : "not stated";
}

static wmlb_hresult go_on(void)
{
    return signaled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

struct object begin_row(struct listing *listing)
{
    fputs(listing->count++ == 0 ? "\n" : ",\n", stdout);
    return begin_object(stdout);
}

static void add_name(struct object *object, const wmlb_license_info *license)
{
    add_text(object, "name", license->name);
    if (strlen(license->name) != license->name_len ||
        memcmp(license->name, license->name_bytes, license->name_len) != 0)
        add_hex(object, "name_hex", license->name_bytes, license->name_len);
}

void add_license(struct object *object, const wmlb_license_info *license)
{
    add_name(object, license);
    add_text(object, "format", license->format);
    add_text(object, "license_id", license->license_id);
    add_lines(object, "key_ids", license->key_ids);
    add_text(object, "backup_right", right_name(license->backup_right));
    add_number(object, "size", license->size);
    add_time(object, "modified", license->modified);
    add_time(object, "valid_from", license->valid_from);
    add_time(object, "valid_until", license->valid_until);
}

static void print_column(const char *text, int width)
{
    for (int printed = print_plain(stdout, text); printed < width; printed++)
        putchar(' ');
    putchar(' ');
}

/* And a blank. By printf() it would take a tenth of the time of a list. */
static void print_right_aligned(uint64_t number, int width)
{
    char text[32];
    char *end = text + sizeof text - 1, *at = end;

    *at = ' ';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (end - at < width)
        *--at = ' ';
    fwrite(at, 1, (size_t)(end - at) + 1, stdout);
}

static void show_name(struct listing *listing, const wmlb_license_info *license)
{
    struct object row;

    if (!listing->json) {
        print_plain(stdout, license->name);
        putchar('\n');
        return;
    }
    row = begin_row(listing);
    add_name(&row, license);
    add_number(&row, "size", license->size);
    add_time(&row, "modified", license->modified);
    end_object(&row);
}

static wmlb_hresult show_license(const wmlb_license_info *license, void *user_data)
{
    struct listing *listing = user_data;
    wmlb_hresult hr;

    flockfile(stdout); /* once for the row, not for each of its parts */
    if (listing->names) {
        show_name(listing, license);
    } else if (!listing->json) {
        if (listing->count++ == 0)
            printf("%s%12s %-10s %-11s %s%s\n", color(stdout, BOLD), "BYTES", "FORMAT", "BACKUP",
                   "NAME", color(stdout, PLAIN));
        print_right_aligned(license->size, 12);
        print_column(license->format, 10);
        print_column(right_name(license->backup_right), 11);
        print_plain(stdout, license->name);
        putchar('\n');
    } else {
        struct object row = begin_row(listing);

        add_license(&row, license);
        end_object(&row);
    }
    hr = go_on();
    funlockfile(stdout);
    return hr;
}

static wmlb_hresult show_store(const wmlb_store_info *store, void *user_data)
{
    struct listing *listing = user_data;

    if (!listing->json) {
        const char *running = store->running > 0 ? "yes" : store->running == 0 ? "no" : "?";
        if (listing->count++ == 0)
            printf("%s%-16s %-20s %-8s %-10s %s%s\n", color(stdout, BOLD), "PLAYER", "PROFILE",
                   "RUNNING", "KIND", "PATH", color(stdout, PLAIN));
        print_column(store->player, 16);
        print_column(store->profile, 20);
        printf("%-8s %-10s ", running, store->kind);
        print_plain(stdout, store->path);
        putchar('\n');
    } else {
        struct object row = begin_row(listing);

        add_text(&row, "player", store->player);
        add_text(&row, "profile", store->profile);
        add_text(&row, "kind", store->kind);
        add_text(&row, "path", store->path);
        add_word(&row, "running",
                 store->running > 0 ? "true" : store->running == 0 ? "false" : "null");
        end_object(&row);
    }
    return go_on();
}

/* On the other stream, so that the list stays one. */
static wmlb_hresult show_place(const wmlb_store_info *place, void *user_data)
{
    (void)user_data;
    fputs("looked in: ", stderr);
    print_plain(stderr, place->path);
    fputs(*place->player != 0 ? " (" : "", stderr);
    print_plain(stderr, place->player);
    fputs(*place->player != 0 ? ")\n" : "\n", stderr);
    return signaled ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

static wmlb_hresult list_stores(const struct arguments *arguments, struct listing *listing)
{
    wmlb_hresult hr = WMLB_S_OK;

    if (GIVEN(arguments, VERBOSE))
        hr = wmlb_discover_places(show_place, NULL);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_discover_stores(show_store, listing);
    if (WMLB_SUCCEEDED(hr) && listing->count == 0 && !listing->json)
        fputs("no stores found\n", stderr);
    return hr;
}

/* Cancels a list when a signal asks for the end: a database may keep it waiting, and then no
 * callback is called that could. */
struct watch {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool runs, ends;
};

static void *watch_signals(void *given)
{
    struct watch *watch = given;

    pthread_mutex_lock(&watch->mutex);
    while (!watch->ends) {
        struct timespec until;

        if (signaled)
            cancel_all();
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&watch->changed, &watch->mutex, &until);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

static void begin_watch(struct watch *watch)
{
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_cond_init(&watch->changed, NULL);
    watch->ends = false;
    /* Without a thread the callbacks still see the signal. */
    watch->runs = pthread_create(&watch->thread, NULL, watch_signals, watch) == 0;
}

static void end_watch(struct watch *watch)
{
    if (!watch->runs)
        return;
    pthread_mutex_lock(&watch->mutex);
    watch->ends = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
}

static wmlb_hresult list_licenses(const struct arguments *arguments, struct listing *listing)
{
    struct wmlb_restorer *restorer = wmlb_default_restorer();
    char *store;
    wmlb_hresult hr;

    if (arguments->path != NULL)
        return wmlb_restorer_enumerate_backup(restorer, show_license, listing);
    store = store_path();
    hr = store != NULL ? wmlb_set_backup_path(store) : WMLB_E_OUTOFMEMORY; /* none is listed */
    free(store);
    return WMLB_FAILED(hr) ? hr : wmlb_restorer_enumerate_store(restorer, show_license, listing);
}

static wmlb_hresult list_rows(const struct arguments *arguments, struct listing *listing)
{
    switch (arguments->command->bit) {
    case STORES: return list_stores(arguments, listing);
    case INFO: return show_backup_info(listing->json);
    case DIFF: return show_differences(listing);
    case DEVICES: return list_devices(listing);
    case GENERATIONS:
        return is_bucket(arguments->path) ? list_bucket(arguments->device, listing)
                                          : list_generations(listing);
    case FORGET:
        return is_bucket(arguments->path)
                   ? forget_in_bucket(arguments, listing)
                   : forget_generations(listing, GIVEN(arguments, DRY_RUN));
    default: return list_licenses(arguments, listing);
    }
}

int list(const struct arguments *arguments)
{
    struct listing listing = {.json = GIVEN(arguments, JSON),
                              .names = GIVEN(arguments, NAMES)};
    bool asked = false;
    struct watch watch;
    wmlb_hresult hr;

    if (!isatty(STDOUT_FILENO))
        setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    listing.is_array = listing.json && arguments->command->bit != INFO;
    if (listing.is_array)
        putchar('[');
    do {
        begin_watch(&watch);
        hr = list_rows(arguments, &listing);
        end_watch(&watch);
    } while (is_passphrase_given(arguments, hr, &asked));
    if (listing.is_array)
        puts(listing.count > 0 ? "\n]" : "]");
    if (WMLB_FAILED(hr) && !ferror(stdout))
        return complain(hr, GIVEN(arguments, VERBOSE));
    return arguments->command->bit == DIFF && listing.count > 0 ? DIFFERENT : DONE;
}
