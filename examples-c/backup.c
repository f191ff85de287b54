/*
 * The smallest whole program: backs up a license store.
 *
 *     backup STORE FOLDER        writes FOLDER/licenses.wmlb
 *
 *     cc backup.c $(pkg-config --cflags --libs wmlb) -o backup
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Called on the library's own thread, one call at a time. The value is valid only during
   the call; a negative answer would cancel the backup. */
static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)value_type;
    (void)value_len; /* a string has a NUL after it */
    (void)user_data;
    switch (status) {
    case WMLB_STATUS_RESTRICTED_LICENSE:
        print_line(stderr, "left out, its owner forbids backup: ", (const char *)value, NULL);
        break;
    case WMLB_STATUS_LICENSE_SKIPPED:
        print_line(stderr, "left out: ", (const char *)value, wmlb_hresult_message(hr));
        break;
    case WMLB_STATUS_BACKUPRESTORE_END:
        print_line(stdout, "saved in ", (const char *)value, NULL);
        break;
    default: /* main() reports a failure, wherever it comes from */
        break;
    }
    return WMLB_S_OK;
}

int main(int argc, char **argv)
{
    wmlb_hresult hr, result = WMLB_S_OK;

    if (argc != 3) {
        fprintf(stderr, "usage: %s STORE FOLDER\n", argc > 0 ? argv[0] : "backup");
        return EXIT_FAILURE;
    }
    hr = wmlb_set_store_path(argv[1]);
    if (WMLB_FAILED(hr))
        return failure(argv[1], hr);
    hr = wmlb_set_backup_path(argv[2]);
    if (WMLB_FAILED(hr))
        return failure(argv[2], hr);

    /* 0: an older backup stays as it is; WMLB_BACKUP_OVERWRITE would replace it. */
    hr = wmlb_backup_licenses(0, on_status, NULL);
    if (WMLB_FAILED(hr))
        return failure("the backup did not start", hr);

    /* The backup runs on a thread of its own; hr tells of the waiting, result of the backup. */
    hr = wmlb_wait(UINT32_MAX, &result);
    if (WMLB_FAILED(hr))
        return failure("cannot wait", hr);
    if (WMLB_FAILED(result))
        return failure("the backup failed", result);
    return EXIT_SUCCESS;
}
