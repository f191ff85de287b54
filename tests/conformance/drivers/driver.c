/*
 * The driver of C: reads the calls of README.md from standard input, makes them through wmlb.h, and
 * says what it saw.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wmlb.h>

#define MANY 16

static wmlb_restorer *restorers[MANY];
static int made, current;
static wmlb_queue *queue;

/* The host's own store: pairs of name and text. */
static char *names[MANY], *texts[MANY];
static int held, at, staged_from;

/* The host's own target: the published file, and the one that is being made. */
static struct file {
    uint8_t *bytes;
    size_t size;
} published, begun;

static char *copy(const void *bytes, size_t size)
{
    char *made_here = calloc(1, size + 1);
    if (made_here == NULL)
        abort();
    memcpy(made_here, bytes, size);
    return made_here;
}

static wmlb_hresult store_open(void *ctx, int32_t for_writing)
{
    (void)ctx;
    (void)for_writing;
    at = 0;
    staged_from = held;
    return WMLB_S_OK;
}

static wmlb_hresult store_next(void *ctx, wmlb_store_license *license)
{
    (void)ctx;
    if (at == held)
        return WMLB_S_FALSE;
    license->name = (const uint8_t *)names[at];
    license->name_len = strlen(names[at]);
    license->data = (const uint8_t *)texts[at];
    license->data_len = strlen(texts[at++]);
    return WMLB_S_OK;
}

static wmlb_hresult store_put(void *ctx, const wmlb_store_license *license)
{
    (void)ctx;
    if (held == MANY)
        return WMLB_E_OUTOFMEMORY;
    names[held] = copy(license->name, license->name_len);
    texts[held++] = copy(license->data, license->data_len);
    return WMLB_S_OK;
}

static wmlb_hresult store_commit(void *ctx)
{
    int old, new;
    (void)ctx;
    for (new = staged_from; new < held; new++)
        for (old = 0; old < staged_from; old++)
            if (strcmp(names[old], names[new]) == 0)
                names[old][0] = '\0'; /* replaced */
    staged_from = held;
    return WMLB_S_OK;
}

static void store_close(void *ctx)
{
    (void)ctx;
    held = staged_from;
}

static wmlb_hresult target_begin(void *ctx, uint64_t hint)
{
    (void)ctx;
    (void)hint;
    begun.size = 0;
    return WMLB_S_OK;
}

static wmlb_hresult target_write(void *ctx, const uint8_t *data, size_t size)
{
    uint8_t *more = realloc(begun.bytes, begun.size + size);
    (void)ctx;
    if (more == NULL)
        return WMLB_E_OUTOFMEMORY;
    begun.bytes = more;
    memcpy(begun.bytes + begun.size, data, size);
    begun.size += size;
    return WMLB_S_OK;
}

static wmlb_hresult target_publish(void *ctx, int32_t overwrite)
{
    struct file before = published;
    (void)ctx;
    if (published.bytes != NULL && !overwrite)
        return WMLB_NS_E_DRM_BACKUP_EXISTS;
    published = begun;
    begun.bytes = NULL;
    begun.size = 0;
    free(before.bytes);
    return WMLB_S_OK;
}

static void target_abandon(void *ctx)
{
    (void)ctx;
    begun.size = 0;
}

static wmlb_hresult target_stat(void *ctx, wmlb_target_info *info)
{
    (void)ctx;
    info->size = published.size;
    return published.bytes == NULL ? WMLB_S_FALSE : WMLB_S_OK;
}

static wmlb_hresult target_read(void *ctx, uint64_t offset, uint8_t *buffer, size_t *len)
{
    size_t rest = offset < published.size ? published.size - (size_t)offset : 0;
    (void)ctx;
    if (*len > rest)
        *len = rest;
    memcpy(buffer, published.bytes + (rest != 0 ? offset : 0), *len);
    return WMLB_S_OK;
}

static const wmlb_store_ops store = {
    sizeof store, store_open, store_next, store_put, store_commit, store_close,
};
static const wmlb_target_ops target = {
    sizeof target, WMLB_TARGET_CREATE_ONLY | WMLB_TARGET_RANGES, target_begin, target_write, NULL,
    target_publish, target_abandon, target_stat, target_read,
};

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    (void)user_data;
    printf("name %s\n", license->name);
    return WMLB_S_OK;
}

static void say(const wmlb_event *event)
{
    printf("event %" PRId32 " %" PRId32 " ", event->status, event->hr);
    if (event->status == WMLB_STATUS_PROGRESS) {
        wmlb_progress told;
        memcpy(&told, event->value, sizeof told);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, told.licenses_done,
               told.licenses_total, told.licenses_restricted, told.licenses_skipped);
    } else if (event->status == WMLB_STATUS_FEWER_LICENSES) {
        uint64_t counts[2];
        memcpy(counts, event->value, sizeof counts);
        printf("%" PRIu64 " %" PRIu64, counts[0], counts[1]);
    } else if (event->value != NULL) {
        printf("%s", (const char *)event->value);
    }
    putchar('\n');
}

static wmlb_restorer *own(void)
{
    return restorers[current];
}

/* Fetches all events. At the status a way of canceling stands for, cancels. */
static void fetch(const char *operation, const char *way, int32_t status)
{
    wmlb_event event = {0};
    event.struct_size = sizeof event;
    while (wmlb_queue_next(queue, UINT32_MAX, &event) == WMLB_S_OK) {
        say(&event);
        if (way == NULL || event.status != status)
            continue;
        if (strcmp(way, "answer") == 0)
            wmlb_queue_cancel(queue);
        else if (strcmp(way, "restorer") == 0)
            wmlb_restorer_cancel(own());
        else if (strcmp(operation, "backup") == 0)
            wmlb_restorer_cancel_license_backup(own());
        else
            wmlb_restorer_cancel_license_restore(own());
        way = NULL;
    }
}

static wmlb_hresult start(const char *operation, uint32_t flags)
{
    if (strcmp(operation, "backup") == 0)
        return wmlb_restorer_backup_licenses(own(), flags, wmlb_queue_push, queue);
    if (strcmp(operation, "restore") == 0)
        return wmlb_restorer_restore_licenses(own(), flags, wmlb_queue_push, queue);
    return wmlb_restorer_verify_backup(own(), flags, wmlb_queue_push, queue);
}

static wmlb_hresult wait(void)
{
    wmlb_hresult result = WMLB_E_UNEXPECTED;
    wmlb_hresult hr = wmlb_restorer_wait(own(), UINT32_MAX, &result);
    return hr == WMLB_S_OK ? result : hr;
}

/* What is there goes, and a new queue comes. */
static wmlb_hresult reset(void)
{
    wmlb_queue_release(queue);
    while (made > 0)
        wmlb_restorer_release(restorers[--made]);
    current = held = 0;
    free(published.bytes);
    published.bytes = NULL;
    return wmlb_queue_create(&queue);
}

static void hold(char *pairs)
{
    char *pair;
    for (pair = strtok(pairs, " "); pair != NULL; pair = strtok(NULL, " ")) {
        char *is = strchr(pair, '=');
        names[held] = copy(pair, (size_t)(is - pair));
        texts[held++] = copy(is + 1, strlen(is + 1));
    }
}

static wmlb_hresult words(void)
{
    char buffer[4096];
    size_t size = sizeof buffer;
    wmlb_hresult hr = wmlb_restorer_get_last_error(own(), buffer, &size);
    if (WMLB_SUCCEEDED(hr))
        printf("name %s\n", buffer);
    return hr;
}

static wmlb_hresult open_target(const char *path, char mode)
{
    int fd = open(path, mode == 'w' ? O_RDWR | O_CREAT : O_RDONLY, 0600);
    wmlb_hresult hr = wmlb_restorer_set_target_fd(own(), fd);
    close(fd);
    return hr;
}

static wmlb_hresult call(const char *name, char *rest)
{
    char *first = rest, *second = strchr(rest, ' ');
    int i;
    if (second != NULL)
        *second++ = '\0';
    if (strcmp(name, "reset") == 0)
        return reset();
    if (strcmp(name, "new") == 0) {
        current = made++;
        return wmlb_restorer_create(&restorers[current]);
    }
    if (strcmp(name, "use") == 0) {
        current = atoi(first);
        return WMLB_S_OK;
    }
    if (strcmp(name, "set") == 0)
        return wmlb_restorer_set_prop(own(), first, WMLB_TYPE_STRING, (uint8_t *)second,
                                      strlen(second));
    if (strcmp(name, "number") == 0) {
        uint32_t value = (uint32_t)strtoul(second, NULL, 0);
        return wmlb_restorer_set_prop(own(), first, WMLB_TYPE_DWORD, (uint8_t *)&value,
                                      sizeof value);
    }
    if (strcmp(name, "start") == 0)
        return start(first, (uint32_t)strtoul(second, NULL, 0));
    if (strcmp(name, "drain") == 0) {
        fetch("", NULL, 0);
        return WMLB_S_OK;
    }
    if (strcmp(name, "wait") == 0)
        return wait();
    if (strcmp(name, "cancel") == 0)
        return wmlb_restorer_cancel(own());
    if (strcmp(name, "release") == 0)
        return wmlb_restorer_release(own());
    if (strcmp(name, "words") == 0)
        return words();
    if (strcmp(name, "list") == 0)
        return strcmp(first, "store") == 0
                   ? wmlb_restorer_enumerate_store(own(), on_license, NULL)
                   : wmlb_restorer_enumerate_backup(own(), on_license, NULL);
    if (strcmp(name, "hold") == 0) {
        if (second != NULL)
            second[-1] = ' ';
        hold(first);
        return wmlb_restorer_set_store(own(), &store, NULL);
    }
    if (strcmp(name, "held") == 0) {
        for (i = 0; i < held; i++)
            if (names[i][0] != '\0')
                printf("name %s=%s\n", names[i], texts[i]);
        return WMLB_S_OK;
    }
    if (strcmp(name, "target") == 0)
        return wmlb_restorer_set_target(own(), &target, NULL);
    if (strcmp(name, "open") == 0)
        return open_target(first, second[0]);
    if (strcmp(name, "exit") == 0)
        exit(0);
    /* backup, restore, verify: FLAGS [WAY STATUS] */
    {
        char *status = second != NULL ? strchr(second, ' ') : NULL;
        wmlb_hresult hr = start(name, (uint32_t)strtoul(first, NULL, 0));
        if (status != NULL)
            *status++ = '\0';
        fetch(name, second, status != NULL ? atoi(status) : 0);
        return WMLB_FAILED(hr) ? hr : wait();
    }
}

int main(void)
{
    static char line[65536];
    if (WMLB_FAILED(reset()))
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest;
        line[strcspn(line, "\n")] = '\0';
        rest = strchr(line, ' ');
        if (rest != NULL)
            *rest++ = '\0';
        printf("result %" PRId32 "\n", call(line, rest != NULL ? rest : line + strlen(line)));
        fflush(stdout);
    }
    return 0;
}
