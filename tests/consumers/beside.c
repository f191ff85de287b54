/* libwmlb.a beside another Rust archive and the system's own SQLite and zstd: all are used.
   usage: beside STORE FOLDER */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wmlb.h>

int other_catches(void);
const char *sqlite3_libversion(void);
const char *ZSTD_versionString(void);

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                              size_t len, void *user_data)
{
    (void)hr, (void)type, (void)user_data;
    if (status == WMLB_STATUS_ERROR)
        fprintf(stderr, "%.*s\n", (int)len, (const char *)value);
    return WMLB_S_OK;
}

int main(int argc, char **argv)
{
    wmlb_hresult hr, result = WMLB_E_FAIL;

    if (argc != 3 || !other_catches())
        return 1;
    printf("%s %s\n", sqlite3_libversion(), ZSTD_versionString());
    hr = wmlb_set_store_path(argv[1]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_backup_path(argv[2]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_backup_licenses(0, on_status, NULL);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_wait(UINT32_MAX, &result);
    return WMLB_FAILED(hr) || WMLB_FAILED(result);
}
