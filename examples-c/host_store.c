/*
 * A player that keeps its licenses itself, here in memory: backs them up, loses them, brings
 * them back and compares. No license is ever a file.
 *
 *     host_store FOLDER     writes FOLDER/licenses.wmlb
 *
 *     cc host_store.c $(pkg-config --cflags --libs wmlb) -o host_store
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmlb.h>

#include "visible.h"

enum { LICENSES = 500 };

struct license {
    uint8_t *name, *data;
    size_t name_len, data_len;
    int64_t modified;
};

struct list {
    struct license *items;
    size_t count, room;
};

/* The player's licenses, and what a restore has put so far. */
struct store {
    struct list licenses, staged;
    size_t next; /* the one that is given next */
};

static int make_room(struct list *list, size_t room)
{
    struct license *items;

    if (room <= list->room)
        return 1;
    room *= 2;
    items = realloc(list->items, room * sizeof *items);
    if (items == NULL)
        return 0;
    list->items = items;
    list->room = room;
    return 1;
}

static uint8_t *copy(const uint8_t *bytes, size_t length)
{
    uint8_t *made = malloc(length > 0 ? length : 1);

    if (made != NULL && length > 0)
        memcpy(made, bytes, length);
    return made;
}

static void free_license(struct license *license)
{
    free(license->name);
    free(license->data);
}

static void clear(struct list *list)
{
    while (list->count > 0)
        free_license(&list->items[--list->count]);
}

/* Adds a copy. */
static int add(struct list *list, const uint8_t *name, size_t name_len, const uint8_t *data,
               size_t data_len, int64_t modified)
{
    struct license license;

    if (!make_room(list, list->count + 1))
        return 0;
    license.name = copy(name, name_len);
    license.data = copy(data, data_len);
    license.name_len = name_len;
    license.data_len = data_len;
    license.modified = modified;
    if (license.name == NULL || license.data == NULL) {
        free_license(&license);
        return 0;
    }
    list->items[list->count++] = license;
    return 1;
}

static struct license *find(const struct list *list, const uint8_t *name, size_t name_len)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        if (list->items[i].name_len == name_len &&
            memcmp(list->items[i].name, name, name_len) == 0)
            return &list->items[i];
    return NULL;
}

/* The functions of the store. The library calls them on the thread of its operation, one at a
   time; a player that goes on using its licenses meanwhile takes a lock in open and gives it
   back in close. */

static wmlb_hresult open_store(void *ctx, int32_t for_writing)
{
    struct store *store = ctx;

    (void)for_writing; /* opened in the same way for both */
    store->next = 0;
    return WMLB_S_OK;
}

static wmlb_hresult next_license(void *ctx, wmlb_store_license *license)
{
    struct store *store = ctx;
    const struct license *next;

    if (store->next == store->licenses.count)
        return WMLB_S_FALSE;
    next = &store->licenses.items[store->next++];
    /* They stay as they are until the next call: nothing changes the store meanwhile. */
    license->name = next->name;
    license->name_len = next->name_len;
    license->data = next->data;
    license->data_len = next->data_len;
    license->modified = next->modified;
    return WMLB_S_OK;
}

/* Only keeps it: the restore may still fail, and then the store must be as it was. */
static wmlb_hresult put_license(void *ctx, const wmlb_store_license *license)
{
    struct store *store = ctx;

    if (!add(&store->staged, license->name, license->name_len, license->data,
             license->data_len, license->modified))
        return WMLB_E_OUTOFMEMORY; /* the result of the restore */
    return WMLB_S_OK;
}

/* All or nothing: what can fail comes first. */
static wmlb_hresult commit_store(void *ctx)
{
    struct store *store = ctx;
    size_t i;

    if (!make_room(&store->licenses, store->licenses.count + store->staged.count))
        return WMLB_E_OUTOFMEMORY;
    for (i = 0; i < store->staged.count; i++) {
        struct license *staged = &store->staged.items[i];
        struct license *old = find(&store->licenses, staged->name, staged->name_len);

        if (old == NULL) {
            store->licenses.items[store->licenses.count++] = *staged;
        } else {
            free_license(old);
            *old = *staged;
        }
    }
    store->staged.count = 0; /* the store has them now */
    return WMLB_S_OK;
}

/* After a commit nothing is staged any more; without one, that is dropped. */
static void close_store(void *ctx)
{
    struct store *store = ctx;

    clear(&store->staged);
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)value_type;
    (void)value_len; /* a string has a NUL after it */
    (void)user_data;
    if (status == WMLB_STATUS_LICENSE_SKIPPED || status == WMLB_STATUS_ERROR)
        print_line(stderr, "", (const char *)value, wmlb_hresult_name(hr));
    return WMLB_S_OK;
}

/* Waits for what was started; hr tells whether it was. */
static wmlb_hresult finish(wmlb_hresult hr)
{
    wmlb_hresult result = WMLB_E_FAIL;

    if (WMLB_FAILED(hr)) {
        char words[1024];
        size_t size = sizeof words;

        if (WMLB_SUCCEEDED(wmlb_get_last_error(words, &size)))
            print_line(stderr, "", words, NULL);
        return hr;
    }
    hr = wmlb_wait(UINT32_MAX, &result);
    return WMLB_SUCCEEDED(hr) ? result : hr;
}

/* Licenses as a player may have them: in no order, some of them in folders. */
static int fill(struct list *list)
{
    size_t i;

    for (i = 0; i < LICENSES; i++) {
        unsigned number = (unsigned)((i * 7919) % LICENSES);
        char name[64], data[256];
        int name_len = snprintf(name, sizeof name, number % 3 == 0 ? "films/%04u" : "%04u.license",
                                number);
        int data_len = snprintf(data, sizeof data, "{\"content\": %u, \"key\": \"%08x\"}", number,
                                number * 2654435761u);

        if (!add(list, (const uint8_t *)name, (size_t)name_len, (const uint8_t *)data,
                 (size_t)data_len, 1700000000 + (int64_t)i))
            return 0;
    }
    return 1;
}

static int same(const struct list *one, const struct list *other)
{
    size_t i;

    if (one->count != other->count)
        return 0;
    for (i = 0; i < one->count; i++) {
        const struct license *a = &one->items[i];
        const struct license *b = find(other, a->name, a->name_len);

        if (b == NULL || a->data_len != b->data_len || a->modified != b->modified ||
            memcmp(a->data, b->data, a->data_len) != 0)
            return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct store store = {{NULL, 0, 0}, {NULL, 0, 0}, 0};
    struct list lost = {NULL, 0, 0};
    wmlb_store_ops ops;
    wmlb_hresult hr;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argc > 0 ? argv[0] : "host_store");
        return EXIT_FAILURE;
    }
    ops.struct_size = sizeof ops;
    ops.open = open_store;
    ops.next = next_license;
    ops.put = put_license;
    ops.commit = commit_store;
    ops.close = close_store;
    /* The struct is copied; the store must live until it is not set any more. */
    hr = wmlb_restorer_set_store(wmlb_default_restorer(), &ops, &store);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_backup_path(argv[1]);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_set_restore_path(argv[1]);

    if (WMLB_SUCCEEDED(hr) && !(fill(&store.licenses) && fill(&lost)))
        hr = WMLB_E_OUTOFMEMORY;
    if (WMLB_SUCCEEDED(hr))
        hr = finish(wmlb_backup_licenses(0, on_status, NULL));
    if (WMLB_SUCCEEDED(hr)) {
        printf("saved %lu licenses as " WMLB_BACKUP_FILE_NAME,
               (unsigned long)store.licenses.count);
        print_line(stdout, " in ", argv[1], NULL);
        clear(&store.licenses);
        hr = finish(wmlb_restore_licenses(0, on_status, NULL));
    }
    if (WMLB_FAILED(hr)) {
        fprintf(stderr, "failed: %s\n", wmlb_hresult_name(hr));
    } else if (!same(&lost, &store.licenses)) {
        fprintf(stderr, "what came back is not what was lost\n");
    } else {
        printf("lost and restored them: %lu are as they were\n",
               (unsigned long)store.licenses.count);
        exit_code = EXIT_SUCCESS;
    }

    if (WMLB_FAILED(wmlb_restorer_set_store(wmlb_default_restorer(), NULL, NULL)))
        exit_code = EXIT_FAILURE;
    clear(&store.licenses);
    clear(&lost);
    free(store.licenses.items);
    free(store.staged.items);
    free(lost.items);
    return exit_code;
}
