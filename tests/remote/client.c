/*
 * Backs up to a bucket and reads from it: what a host does, with each function of wmlb_remote.h.
 *
 *     client URL [-d DEVICE] [-g GENERATION] [-o ONLY] COMMAND [ARGUMENT...]
 *
 * Prints what it is told, then the result as "0x%08x MESSAGE"; and ends with 0 if that is a
 * success.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <wmlb_remote.h>

static wmlb_remote *remote;
static wmlb_restorer *restorer;
static const char *device, *generation;

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                              size_t len, void *user_data)
{
    (void)hr, (void)type, (void)user_data;
    if (status == WMLB_STATUS_ERROR)
        printf("error %.*s\n", (int)len, (const char *)value);
    return WMLB_S_OK;
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    (void)user_data;
    printf("license %s %" PRIu64 "\n", license->name, license->size);
    return WMLB_S_OK;
}

static wmlb_hresult on_device(const wmlb_remote_device *found, void *user_data)
{
    (void)user_data;
    printf("device %s %s %" PRIu64 " %" PRIu64 "\n", found->device, found->generation, found->size,
           found->sequence);
    return WMLB_S_OK;
}

static wmlb_hresult on_generation(const wmlb_generation_info *found, void *user_data)
{
    (void)user_data;
    printf("generation %s %" PRIu64 " encrypted=%d newest=%d\n", found->path, found->size,
           found->encrypted, found->kept_by == WMLB_KEPT_CURRENT);
    return WMLB_S_OK;
}

static wmlb_hresult on_removal(const wmlb_remote_removal *found, void *user_data)
{
    (void)user_data;
    printf("removal %d %s\n", found->kind, found->generation);
    return WMLB_S_OK;
}

static wmlb_hresult set(const char *name, const char *value)
{
    return wmlb_restorer_set_prop(restorer, name, WMLB_TYPE_STRING, (const uint8_t *)value,
                                  strlen(value));
}

static wmlb_hresult finish(wmlb_hresult started)
{
    wmlb_hresult result = WMLB_E_FAIL;
    if (WMLB_FAILED(started))
        return started;
    started = wmlb_restorer_wait(restorer, UINT32_MAX, &result);
    return WMLB_FAILED(started) ? started : result;
}

/* Cancels after the milliseconds that it is given, and takes the time until the end. */
static void *cancel(void *milliseconds)
{
    struct timespec time = {0, *(long *)milliseconds * 1000000};
    nanosleep(&time, NULL);
    wmlb_restorer_cancel(restorer);
    wmlb_remote_cancel(remote);
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static wmlb_hresult operate(const char *command, const char *argument)
{
    uint32_t flags = 0, capabilities = 0;
    wmlb_hresult hr;

    if (!strcmp(command, "probe")) {
        hr = wmlb_remote_probe(remote, &capabilities);
        if (WMLB_SUCCEEDED(hr))
            printf("capabilities %" PRIu32 "\n", capabilities);
        return hr;
    }
    if (!strcmp(command, "devices"))
        return wmlb_remote_list_devices(remote, on_device, NULL);
    if (!strcmp(command, "generations"))
        return wmlb_remote_list_generations(remote, device, on_generation, NULL);
    if (!strcmp(command, "forget") || !strcmp(command, "forget-dry"))
        return wmlb_remote_forget(remote, device, argument,
                                  command[6] ? WMLB_REMOTE_DRY_RUN : 0, on_removal, NULL);
    hr = wmlb_remote_attach(remote, restorer, device, generation);
    if (WMLB_FAILED(hr))
        return hr;
    if (!strcmp(command, "verify"))
        return finish(wmlb_restorer_verify_backup(restorer, 0, on_status, NULL));
    if (!strcmp(command, "list"))
        return wmlb_restorer_enumerate_backup(restorer, on_license, NULL);
    if (argument)
        hr = set(WMLB_PROP_STORE_PATH, argument);
    if (WMLB_FAILED(hr))
        return hr;
    if (!strcmp(command, "restore"))
        return finish(wmlb_restorer_restore_licenses(restorer, WMLB_RESTORE_INDIVIDUALIZE,
                                                     on_status, NULL));
    if (!strcmp(command, "overwrite"))
        flags = WMLB_BACKUP_OVERWRITE;
    else if (!strcmp(command, "cancel")) {
        long milliseconds = 300;
        pthread_t thread;
        double end;
        flags = WMLB_BACKUP_OVERWRITE;
        if (pthread_create(&thread, NULL, cancel, &milliseconds))
            return WMLB_E_OUTOFMEMORY;
        end = now() + milliseconds / 1000.0;
        hr = finish(wmlb_restorer_backup_licenses(restorer, flags, on_status, NULL));
        printf("canceled %.0f\n", (now() - end) * 1000);
        pthread_join(thread, NULL);
        return hr;
    } else if (!strcmp(command, "release")) {
        hr = wmlb_restorer_backup_licenses(restorer, 0, on_status, NULL);
        wmlb_remote_release(remote);
        return finish(hr);
    } else if (strcmp(command, "backup"))
        return WMLB_E_INVALIDARG;
    return finish(wmlb_restorer_backup_licenses(restorer, flags, on_status, NULL));
}

int main(int argc, char **argv)
{
    const char *id = getenv("CLIENT_ID"), *secret = getenv("CLIENT_SECRET");
    const char *only = NULL, *passphrase = getenv("CLIENT_PASSPHRASE");
    char words[1024] = "";
    size_t len = sizeof words;
    wmlb_hresult hr;
    int option;

    if (argc < 3)
        return 2;
    hr = wmlb_remote_open(argv[1], &remote);
    if (WMLB_SUCCEEDED(hr) && id)
        hr = wmlb_remote_set_credentials(remote, id, secret, NULL);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_restorer_create(&restorer);
    argv++, argc--;
    while ((option = getopt(argc, argv, "+d:g:o:")) != -1) {
        if (option == 'd')
            device = optarg;
        else if (option == 'g')
            generation = optarg;
        else if (option == 'o')
            only = optarg;
        else
            return 2;
    }
    if (WMLB_SUCCEEDED(hr) && only)
        hr = set(WMLB_PROP_ONLY, only);
    if (WMLB_SUCCEEDED(hr) && passphrase)
        hr = set(WMLB_PROP_PASSPHRASE, passphrase);
    if (WMLB_SUCCEEDED(hr) && optind < argc)
        hr = operate(argv[optind], argv[optind + 1]);
    if (WMLB_FAILED(hr) && wmlb_remote_get_last_error(remote, words, &len) != WMLB_S_OK)
        words[0] = 0;
    printf("0x%08x %s\n", (unsigned)hr, words);
    if (restorer)
        wmlb_restorer_release(restorer);
    if (remote)
        wmlb_remote_release(remote);
    return WMLB_FAILED(hr);
}
