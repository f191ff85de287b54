/*
 * The program that is measured: one restore, one verification, or one list, as a host without any
 * wishes would make it.
 *
 *     restorer restore FILE STORE [THREADS [ONLY [IDENTITY]]]
 *     restorer verify FILE [THREADS]
 *     restorer list FILE [THREADS]
 */
#include <inttypes.h>
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

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    (void)user_data;
    printf("%s %s %" PRIu64 " %s\n", license->format, license->key_ids, license->size,
           license->name);
    return WMLB_S_OK;
}

int main(int argc, char **argv)
{
    wmlb_hresult hr, result = WMLB_E_FAIL;
    uint32_t threads = 0;
    int restores, lists, last;

    restores = argc > 1 && strcmp(argv[1], "restore") == 0;
    lists = argc > 1 && strcmp(argv[1], "list") == 0;
    last = restores ? 3 : 2;
    if (argc <= last || (!restores && !lists && strcmp(argv[1], "verify") != 0)) {
        fputs("usage: restorer restore FILE STORE [THREADS] | verify FILE [THREADS] | "
              "list FILE [THREADS]\n", stderr);
        return 2;
    }
    if (argc > last + 1)
        threads = (uint32_t)strtoul(argv[last + 1], NULL, 10);
    hr = wmlb_set_restore_path(argv[2]);
    if (WMLB_SUCCEEDED(hr) && restores)
        hr = wmlb_set_store_path(argv[3]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_prop(WMLB_PROP_THREADS, WMLB_TYPE_DWORD, (const uint8_t *)&threads,
                           sizeof threads);
    if (WMLB_SUCCEEDED(hr) && argc > last + 2)
        hr = wmlb_set_prop(WMLB_PROP_ONLY, WMLB_TYPE_STRING, (const uint8_t *)argv[last + 2],
                           strlen(argv[last + 2]));
    if (WMLB_SUCCEEDED(hr) && argc > last + 3)
        hr = wmlb_set_prop(WMLB_PROP_IDENTITIES, WMLB_TYPE_STRING, (const uint8_t *)argv[last + 3],
                           strlen(argv[last + 3]));
    if (lists) /* standard output is the measurer's */
        return WMLB_FAILED(hr) || freopen("/dev/null", "w", stdout) == NULL || WMLB_FAILED(wmlb_restorer_enumerate_backup(
                                      wmlb_default_restorer(), on_license, NULL));
    if (WMLB_SUCCEEDED(hr))
        hr = restores ? wmlb_restore_licenses(0, on_status, NULL)
                      : wmlb_restorer_verify_backup(wmlb_default_restorer(), 0, on_status, NULL);
    if (WMLB_FAILED(hr) || WMLB_FAILED(wmlb_wait(UINT32_MAX, &result))) {
        fputs("restorer: the operation did not start\n", stderr);
        return 1;
    }
    return WMLB_FAILED(result);
}
