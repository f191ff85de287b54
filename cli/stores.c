/* The stores of players, as the wmlb command takes them. */
#define _POSIX_C_SOURCE 200809L /* strdup, lstat */
#include "stores.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "options.h"
#include "print.h"
#include "words.h"

static wmlb_hresult keep_store(const wmlb_store_info *store, void *user_data)
{
    struct stores *stores = user_data;
    struct store *longer = realloc(stores->list, (stores->count + 1) * sizeof *longer);
    struct store kept = {NULL, NULL, NULL};

    if (longer == NULL)
        return WMLB_E_OUTOFMEMORY;
    stores->list = longer;
    kept.player = strdup(store->player);
    kept.profile = strdup(store->profile);
    kept.path = strdup(store->path);
    stores->list[stores->count++] = kept;
    if (kept.player == NULL || kept.profile == NULL || kept.path == NULL)
        return WMLB_E_OUTOFMEMORY;
    return signaled ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

wmlb_hresult find_stores(struct stores *stores)
{
    *stores = (struct stores){NULL, 0};
    return wmlb_discover_stores(keep_store, stores);
}

void free_stores(struct stores *stores)
{
    for (size_t i = 0; i < stores->count; i++) {
        free(stores->list[i].player);
        free(stores->list[i].profile);
        free(stores->list[i].path);
    }
    free(stores->list);
}

/* Whether a store is called so: its player, or that and its profile. */
static bool is_called(const struct store *store, const char *name)
{
    size_t length = strlen(store->player);

    return strncasecmp(name, store->player, length) == 0 &&
           (name[length] == 0 ||
            (name[length] == ' ' && strcasecmp(name + length + 1, store->profile) == 0));
}

/* Several stores have the name. */
static int ask_for_one(const char *name, const struct stores *stores)
{
    begin_complaint();
    fputs("several stores are called ", stderr);
    print_plain(stderr, name);
    fputs("; give --store one of these:\n", stderr);
    for (size_t i = 0; i < stores->count; i++) {
        if (!is_called(&stores->list[i], name))
            continue;
        fputs("  ", stderr);
        print_plain(stderr, stores->list[i].path);
        if (*stores->list[i].profile != 0) {
            fputs(" (", stderr);
            print_plain(stderr, stores->list[i].profile);
            fputc(')', stderr);
        }
        fputc('\n', stderr);
    }
    return USAGE;
}

static int miss_store(const char *name)
{
    begin_complaint();
    fputs("there is no store ", stderr);
    print_plain(stderr, name);
    fputs(": neither a file or folder, nor a player that wmlb stores shows\n", stderr);
    return FAILED;
}

int set_store(const char *given, bool must_exist)
{
    struct stores stores = {NULL, 0};
    struct stat status;
    bool is_name = *given != 0 && strchr(given, '/') == NULL && lstat(given, &status) != 0;
    size_t named = 0;
    const char *path = given;
    wmlb_hresult hr = is_name ? find_stores(&stores) : WMLB_S_OK;
    int code = DONE;

    for (size_t i = 0; i < stores.count && WMLB_SUCCEEDED(hr); i++)
        if (is_called(&stores.list[i], given)) {
            path = stores.list[i].path;
            named++;
        }
    if (WMLB_SUCCEEDED(hr) && named > 1)
        code = ask_for_one(given, &stores);
    else if (WMLB_SUCCEEDED(hr) && is_name && named == 0 && must_exist)
        code = miss_store(given);
    else if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_store_path(path);
    if (WMLB_FAILED(hr))
        code = complain(hr, false);
    free_stores(&stores);
    return code;
}

char *own_folder(const char *folder, const struct store *store)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    const char *parts[] = {store->player, store->profile};
    size_t length = strlen(folder) + strlen(store->player) + strlen(store->profile) + 16;
    uint32_t hash = 2166136261u; /* FNV-1a: of stores with like names, each has its own */
    char *path = malloc(length), *end = path;

    if (path == NULL)
        return NULL;
    for (const char *at = store->path; *at != 0; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    end += sprintf(path, "%s/", folder);
    for (size_t i = 0; i < 2; i++) {
        const char *begin = end;

        for (const char *at = parts[i]; *at != 0; at++, end++)
            *end = strchr(safe, *at) != NULL && (end > begin || *at != '.') ? *at : '_';
        *end++ = '-';
        end -= end - begin == 1; /* nothing was in it */
    }
    sprintf(end, "%08x", (unsigned)hash);
    return path;
}
