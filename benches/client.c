/*
 * The program that is measured: one backup, as a host without any wishes would make it.
 *
 *     client STORE FOLDER [THREADS [RECIPIENT | ask | again [PASSPHRASE]]]
 *
 * With a recipient, for whom it encrypts. With "ask" it wants to be asked of each license, and
 * leaves all as they are. With "again" it replaces the backup that is there, with a passphrase
 * encrypted.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmlb.h>

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)hr, (void)value_type, (void)value_len, (void)user_data;
    if (status == WMLB_STATUS_ERROR)
        fprintf(stderr, "%s\n", (const char *)value);
    return WMLB_S_OK;
}

static int32_t on_license(const wmlb_license_info *license, void *ctx)
{
    (void)license, (void)ctx;
    return WMLB_RIGHT_NOT_STATED;
}

int main(int argc, char **argv)
{
    wmlb_hresult result = WMLB_E_FAIL;
    uint32_t threads, flags = 0;
    const char *wish, *passphrase = argc > 5 ? argv[5] : "";

    if (argc < 3) {
        fputs("usage: client STORE FOLDER [THREADS [RECIPIENT | ask | again [PASSPHRASE]]]\n", stderr);
        return 2;
    }
    threads = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    wish = argc > 4 ? argv[4] : NULL;
    if (wish && strcmp(wish, "ask") == 0) {
        wish = NULL;
        if (WMLB_FAILED(wmlb_restorer_set_rights(wmlb_default_restorer(), on_license, NULL)))
            return 1;
    }
    if (wish && strcmp(wish, "again") == 0) {
        wish = NULL;
        flags = WMLB_BACKUP_OVERWRITE;
    }
    if (WMLB_FAILED(wmlb_set_store_path(argv[1])) || WMLB_FAILED(wmlb_set_backup_path(argv[2])) ||
        WMLB_FAILED(wmlb_set_prop(WMLB_PROP_THREADS, WMLB_TYPE_DWORD, (const uint8_t *)&threads,
                                  sizeof threads)) ||
        (wish &&
         WMLB_FAILED(wmlb_set_prop(WMLB_PROP_RECIPIENTS, WMLB_TYPE_STRING,
                                   (const uint8_t *)wish, strlen(wish)))) ||
        (*passphrase &&
         WMLB_FAILED(wmlb_set_prop(WMLB_PROP_PASSPHRASE, WMLB_TYPE_STRING,
                                   (const uint8_t *)passphrase, strlen(passphrase)))) ||
        WMLB_FAILED(wmlb_backup_licenses(flags, on_status, NULL)) ||
        WMLB_FAILED(wmlb_wait(UINT32_MAX, &result))) {
        fputs("client: the backup did not start\n", stderr);
        return 1;
    }
    return WMLB_FAILED(result);
}
