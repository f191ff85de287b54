/*
 * How long the first backup of a process takes, from before the library is loaded to its end:
 *
 *     start LIBRARY STORE FOLDER        "<milliseconds>"
 */
#define _POSIX_C_SOURCE 199309L

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wmlb.h>

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)status, (void)hr, (void)value_type, (void)value, (void)value_len, (void)user_data;
    return WMLB_S_OK;
}

/* A function of the library; POSIX has it that the bits of the pointer are right. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    memcpy(function, &found, sizeof found);
}

int main(int argc, char **argv)
{
    wmlb_hresult (*set_store_path)(const char *), (*set_backup_path)(const char *);
    wmlb_hresult (*backup)(uint32_t, wmlb_status_callback, void *);
    wmlb_hresult (*wait)(uint32_t, wmlb_hresult *);
    wmlb_hresult result = WMLB_E_FAIL;
    struct timespec begin, end;
    void *library;

    if (argc != 4) {
        fputs("usage: start LIBRARY STORE FOLDER\n", stderr);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    find(library, "wmlb_set_store_path", &set_store_path);
    find(library, "wmlb_set_backup_path", &set_backup_path);
    find(library, "wmlb_backup_licenses", &backup);
    find(library, "wmlb_wait", &wait);
    if (WMLB_FAILED(set_store_path(argv[2])) || WMLB_FAILED(set_backup_path(argv[3])) ||
        WMLB_FAILED(backup(0, on_status, NULL)) || WMLB_FAILED(wait(UINT32_MAX, &result)) ||
        WMLB_FAILED(result)) {
        fputs("start: the backup failed\n", stderr);
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.3f\n", (double)(end.tv_sec - begin.tv_sec) * 1e3 +
                         (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
    return 0;
}
