/* Backups in a bucket, for the wmlb command. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "remote.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../remote/include/wmlb_remote.h"
#include "generations.h"
#include "print.h"
#include "words.h"

#ifdef __APPLE__
#define LIBRARY "libwmlb-remote.1.dylib"
#else
#define LIBRARY "libwmlb-remote.so.1"
#endif

/* The functions of wmlb_remote.h that are called. */
static struct {
    wmlb_hresult (*open)(const char *, wmlb_remote **);
    wmlb_hresult (*attach)(wmlb_remote *, wmlb_restorer *, const char *, const char *);
    wmlb_hresult (*cancel)(wmlb_remote *);
    wmlb_hresult (*get_last_error)(wmlb_remote *, char *, size_t *);
    wmlb_hresult (*release)(wmlb_remote *);
    wmlb_hresult (*list_devices)(wmlb_remote *, wmlb_remote_device_callback, void *);
    wmlb_hresult (*list_generations)(wmlb_remote *, const char *, wmlb_generation_callback, void *);
    wmlb_hresult (*forget)(wmlb_remote *, const char *, const char *, uint32_t,
                           wmlb_remote_removal_callback, void *);
} library;

static wmlb_remote *bucket;

bool is_bucket(const char *path)
{
    return path != NULL && strncmp(path, "s3://", 5) == 0;
}

static int lack_library(bool verbose)
{
    const char *why = dlerror();

    begin_complaint();
    fputs("backups in a bucket need libwmlb-remote, which is not installed here", stderr);
    if (verbose && why != NULL) {
        fputs(" (", stderr);
        print_plain(stderr, why);
        fputc(')', stderr);
    }
    fputc('\n', stderr);
    return FAILED;
}

static bool load_library(void)
{
    void *loaded = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const struct {
        const char *name;
        void *function;
    } wanted[] = {
        {"wmlb_remote_open", &library.open},
        {"wmlb_remote_attach", &library.attach},
        {"wmlb_remote_cancel", &library.cancel},
        {"wmlb_remote_get_last_error", &library.get_last_error},
        {"wmlb_remote_release", &library.release},
        {"wmlb_remote_list_devices", &library.list_devices},
        {"wmlb_remote_list_generations", &library.list_generations},
        {"wmlb_remote_forget", &library.forget},
    };

    for (size_t i = 0; loaded != NULL && i < sizeof wanted / sizeof *wanted; i++) {
        void *found = dlsym(loaded, wanted[i].name);

        if (found == NULL)
            return false;
        memcpy(wanted[i].function, &found, sizeof found);
    }
    return loaded != NULL;
}

/* The newest generation that was not made after a time. */
struct moment {
    int64_t time;
    char *generation;
};

static wmlb_hresult choose(const wmlb_generation_info *generation, void *user_data)
{
    struct moment *moment = user_data;

    if (moment->generation == NULL && generation->created <= moment->time &&
        (moment->generation = strdup(generation->path)) == NULL)
        return WMLB_E_OUTOFMEMORY;
    return WMLB_S_OK;
}

/* What is restored, read or written is that of the device from now on. S_FALSE: it has no backup
 * from then or before. */
static wmlb_hresult attach(const struct arguments *arguments)
{
    struct moment moment = {.time = arguments->at};
    wmlb_hresult hr = WMLB_S_OK;

    if (GIVEN(arguments, AT)) {
        hr = library.list_generations(bucket, arguments->device, choose, &moment);
        if (WMLB_SUCCEEDED(hr) && moment.generation == NULL)
            hr = WMLB_S_FALSE;
    }
    if (hr == WMLB_S_OK)
        hr = library.attach(bucket, wmlb_default_restorer(), arguments->device,
                            GIVEN(arguments, AT) ? moment.generation : arguments->generation);
    free(moment.generation);
    return hr;
}

int open_bucket(const struct arguments *arguments)
{
    bool verbose = GIVEN(arguments, VERBOSE);
    wmlb_hresult hr;

    if (!load_library())
        return lack_library(verbose);
    hr = library.open(arguments->path, &bucket);
    if (hr == WMLB_E_INVALIDARG)
        return wrong_usage(arguments->command->name, "not an address such as "
                           "s3://bucket/prefix?endpoint=https://host&region=name", "");
    if (WMLB_SUCCEEDED(hr) && !(arguments->command->bit & (GENERATIONS | FORGET | DEVICES)))
        hr = attach(arguments);
    if (hr == WMLB_S_FALSE)
        return miss_generation();
    return WMLB_FAILED(hr) ? complain(hr, verbose) : DONE;
}

void close_bucket(void)
{
    if (bucket != NULL)
        library.release(bucket);
    bucket = NULL;
}

void cancel_all(void)
{
    wmlb_restorer_cancel(wmlb_default_restorer());
    if (bucket != NULL)
        library.cancel(bucket);
}

char *bucket_words(void)
{
    size_t length = 0;
    char *words = NULL;

    if (bucket != NULL && WMLB_SUCCEEDED(library.get_last_error(bucket, NULL, &length)) &&
        length > 1 && (words = malloc(length)) != NULL &&
        WMLB_FAILED(library.get_last_error(bucket, words, &length))) {
        free(words);
        words = NULL;
    }
    return words;
}

static wmlb_hresult go_on(void)
{
    return signaled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

/* Nothing is known of a device whose newest generation is not. */
static wmlb_hresult show_device(const wmlb_remote_device *device, void *user_data)
{
    struct listing *listing = user_data;
    bool is_known = *device->generation != 0;
    int64_t created = is_known ? device->created : INT64_MIN;
    uint64_t size = is_known ? device->size : UINT64_MAX;
    uint64_t sequence = is_known ? device->sequence : UINT64_MAX;

    if (listing->json) {
        struct object row = begin_row(listing);

        add_text(&row, "device", device->device);
        add_text(&row, "generation", device->generation);
        add_time(&row, "created", created);
        add_known(&row, "size", size, UINT64_MAX);
        add_known(&row, "backups", sequence, UINT64_MAX);
        end_object(&row);
        return go_on();
    }
    if (listing->count++ == 0)
        printf("%s%-20s %12s %10s %s%s\n", color(stdout, BOLD), "MADE", "BYTES", "BACKUPS",
               "DEVICE", color(stdout, PLAIN));
    print_made(created, 21);
    print_amount(size, 12);
    print_amount(sequence, 10);
    print_plain(stdout, device->device);
    putchar('\n');
    return go_on();
}

wmlb_hresult list_devices(struct listing *listing)
{
    wmlb_hresult hr = library.list_devices(bucket, show_device, listing);

    if (WMLB_SUCCEEDED(hr) && listing->count == 0 && !listing->json)
        fputs("no devices found\n", stderr);
    return hr;
}

wmlb_hresult list_bucket(const char *device, struct listing *listing)
{
    struct table table = {.listing = listing};

    return library.list_generations(bucket, device, show_generation, &table);
}

static wmlb_hresult show_removal(const wmlb_remote_removal *removal, void *user_data)
{
    static const char *const kinds[] = {"", "generation", "unpublished", "upload"};
    struct listing *listing = user_data;
    int32_t kind = removal->kind >= 0 && removal->kind <= WMLB_REMOTE_UPLOAD ? removal->kind : 0;

    if (listing->json) {
        struct object row = begin_row(listing);

        add_text(&row, "path", removal->generation);
        add_text(&row, "kind", kinds[kind]);
        add_time(&row, "created", removal->created);
        add_number(&row, "size", removal->size);
        end_object(&row);
        return go_on();
    }
    if (listing->count++ == 0)
        printf("%s%-20s %12s %-12s %s%s\n", color(stdout, BOLD), "MADE", "BYTES", "KIND", "FILE",
               color(stdout, PLAIN));
    print_made(removal->created, 21);
    print_amount(removal->size, 12);
    printf("%-12s ", kinds[kind]);
    print_plain(stdout, removal->generation);
    putchar('\n');
    return go_on();
}

wmlb_hresult forget_in_bucket(const struct arguments *arguments, struct listing *listing)
{
    bool dry_run = GIVEN(arguments, DRY_RUN);
    wmlb_hresult hr = library.forget(bucket, arguments->device, arguments->keep,
                                     dry_run ? WMLB_REMOTE_DRY_RUN : 0, show_removal, listing);

    if (WMLB_SUCCEEDED(hr) && !listing->json)
        printf("%s %" PRIu64 "\n", dry_run ? "would remove" : "removed", listing->count);
    return hr;
}

wmlb_hresult forget_replaced(const struct arguments *arguments)
{
    return library.forget(bucket, arguments->device, arguments->keep, 0, NULL, NULL);
}
