/*
 * Brings licenses back from a backup: checks the file, lists it, restores it.
 *
 *     restore [-f] [-i] FOLDER STORE     reads FOLDER/licenses.wmlb
 *     -f  replaces licenses in the store that differ
 *     -i  agrees to bring licenses of another device to this one
 *
 *     cc restore.c $(pkg-config --cflags --libs wmlb) -o restore
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmlb.h>

#include "visible.h"

/* Says what failed, in the library's words: they name the path and the cause. */
static int failure(const char *what, wmlb_hresult hr)
{
    const char *words = wmlb_hresult_message(hr);
    char *buffer = NULL;
    size_t size = 0;

    if (WMLB_SUCCEEDED(wmlb_get_last_error(NULL, &size)) && size > 1 &&
        (buffer = malloc(size)) != NULL &&
        WMLB_SUCCEEDED(wmlb_get_last_error(buffer, &size)))
        words = buffer;
    fprintf(stderr, "%s: ", what);
    print_visible(stderr, words, ' ');
    fprintf(stderr, " (%s)\n", wmlb_hresult_name(hr));
    free(buffer);
    return EXIT_FAILURE;
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)value_type;
    (void)value_len; /* a string has a NUL after it */
    (void)user_data;
    switch (status) {
    case WMLB_STATUS_LICENSE_SKIPPED: /* kept as it is: it differs from the one in the backup */
        print_line(stderr, "kept: ", (const char *)value, wmlb_hresult_message(hr));
        break;
    case WMLB_STATUS_ERROR_WITHURL: /* only where an authorizer is set */
        print_line(stderr, "refused; see ", (const char *)value, NULL);
        break;
    default: /* main() reports a failure, wherever it comes from */
        break;
    }
    return WMLB_S_OK;
}

/* What the list of the backup adds up to. */
struct total {
    uint64_t licenses, bytes;
};

/* Called on the thread that asked for the list, once for each license. */
static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    struct total *total = user_data;

    if (total->licenses < 3) {
        printf("  %8" PRIu64 "  ", license->size);
        print_line(stdout, "", license->name, NULL);
    } else if (total->licenses == 3) {
        puts("  ...");
    }
    total->licenses += 1;
    total->bytes += license->size;
    return WMLB_S_OK; /* a negative value would end the list */
}

/* Waits for what was started; hr tells whether it was. */
static wmlb_hresult finish(wmlb_hresult hr)
{
    wmlb_hresult result = WMLB_E_FAIL;

    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_wait(UINT32_MAX, &result);
    return WMLB_SUCCEEDED(hr) ? result : hr;
}

int main(int argc, char **argv)
{
    wmlb_restorer *restorer = wmlb_default_restorer();
    struct total total = {0, 0};
    uint32_t flags = 0;
    wmlb_hresult hr;
    int next = 1;

    for (; next < argc && argv[next][0] == '-'; next++) {
        if (strcmp(argv[next], "-f") == 0)
            flags |= WMLB_RESTORE_OVERWRITE;
        else if (strcmp(argv[next], "-i") == 0)
            flags |= WMLB_RESTORE_INDIVIDUALIZE;
        else
            next = argc;
    }
    if (argc - next != 2) {
        fprintf(stderr, "usage: %s [-f] [-i] FOLDER STORE\n", argc > 0 ? argv[0] : "restore");
        return EXIT_FAILURE;
    }
    hr = wmlb_set_restore_path(argv[next]);
    if (WMLB_FAILED(hr))
        return failure(argv[next], hr);
    hr = wmlb_set_store_path(argv[next + 1]);
    if (WMLB_FAILED(hr))
        return failure(argv[next + 1], hr);

    /* Not needed before a restore, which makes the same checks: here to show it. */
    hr = finish(wmlb_restorer_verify_backup(restorer, 0, on_status, NULL));
    if (WMLB_FAILED(hr))
        return failure("the backup file is not sound", hr);

    hr = wmlb_restorer_enumerate_backup(restorer, on_license, &total);
    if (WMLB_FAILED(hr))
        return failure("the backup file cannot be listed", hr);
    printf("%" PRIu64 " licenses, %" PRIu64 " bytes\n", total.licenses, total.bytes);

    /* All licenses, or none: whatever fails, the store is as it was. */
    hr = finish(wmlb_restore_licenses(flags, on_status, NULL));
    if (WMLB_FAILED(hr))
        return failure("the restore failed", hr);
    print_line(stdout, "restored to ", argv[next + 1], NULL);
    return EXIT_SUCCESS;
}
