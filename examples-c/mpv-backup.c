/*
 * A plugin for the player mpv that backs up a license store while the player goes on.
 *
 *     script-message wmlb-backup FOLDER [overwrite]
 *     script-message wmlb-backup-cancel
 *
 * as a command of a key in input.conf, over the JSON IPC or from another script. Its state is shown
 * on the screen, and sent to all scripts and IPC clients:
 *
 *     script-message wmlb-backup-status STATE CODE WORDS
 *
 * STATE is "running" once, "progress" (WORDS are "DONE TOTAL BYTES"; TOTAL is 0 while unknown) five
 * times a second, and "done" or "failed" (an older backup is as it was) at the end. "refused":
 * nothing was started, and a running backup goes on. CODE is the name of the result code.
 *
 * The store: --script-opts=wmlb-store=PATH; else $WMLB_STORE_PATH; else one in the place
 * that the library has for it; else that of a player, if there is only one on this machine.
 *
 *     cc -std=c11 -shared -fPIC mpv-backup.c $(pkg-config --cflags mpv) \
 *         $(pkg-config --cflags --libs wmlb) -o ~/.config/mpv/scripts/mpv-backup.so
 *
 * It is not linked with libmpv: the functions of mpv/client.h are those of the player that
 * loads it. mpv runs it on a thread of its own, and the library has another one for the
 * backup, so nothing here keeps the player waiting.
 */
#include <inttypes.h>
#include <mpv/client.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wmlb.h>

#define STEP_SECONDS 0.2 /* how often the message moves, and how soon the end is seen */
#define READ_SECONDS 2.0 /* how long a refusal stays before the progress takes its place */
#define SHORT_MS "1000"
#define LONG_MS "6000"

struct plugin {
    mpv_handle *mpv;
    wmlb_restorer *restorer;
    int running;
    int64_t next_show; /* when the progress is shown again, microseconds */
};

static void show_again_in(struct plugin *plugin, double seconds)
{
    plugin->next_show = mpv_get_time_us(plugin->mpv) + (int64_t)(seconds * 1e6);
}

static void show(struct plugin *plugin, const char *words, const char *milliseconds)
{
    const char *command[] = {"show-text", words, milliseconds, NULL};

    mpv_command(plugin->mpv, command);
}

static void send(struct plugin *plugin, const char *state, wmlb_hresult hr, const char *words)
{
    const char *command[] = {"script-message", "wmlb-backup-status", state,
                             wmlb_hresult_name(hr), words, NULL};

    mpv_command(plugin->mpv, command);
}

static void tell(struct plugin *plugin, const char *state, wmlb_hresult hr, const char *words)
{
    show(plugin, words, LONG_MS);
    show_again_in(plugin, READ_SECONDS);
    send(plugin, state, hr, words);
}

/* With the words that name the path and the cause, if there is memory for them. */
static void tell_failure(struct plugin *plugin, const char *state, wmlb_hresult hr)
{
    static const char before[] = "No backup of licenses: ";
    static const char flag[] = ", and WMLB_BACKUP_OVERWRITE was not given";
    static const char word[] = ": add the word overwrite to replace it"; /* shorter */
    size_t size = 0, start = sizeof before - 1;
    char *words = NULL, *at;

    if (WMLB_SUCCEEDED(wmlb_restorer_get_last_error(plugin->restorer, NULL, &size)) && size > 1 &&
        (words = malloc(start + size)) != NULL) {
        memcpy(words, before, start);
        if (WMLB_FAILED(wmlb_restorer_get_last_error(plugin->restorer, words + start, &size))) {
            free(words);
            words = NULL;
        }
    }
    if (words != NULL && (at = strstr(words, flag)) != NULL) {
        memcpy(at, word, sizeof word - 1);
        memmove(at + sizeof word - 1, at + sizeof flag - 1, strlen(at + sizeof flag - 1) + 1);
    }
    tell(plugin, state, hr, words != NULL ? words : wmlb_hresult_message(hr));
    free(words);
}

/* There must be one. What it could tell is asked for between mpv's events instead. */
static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t value_type,
                              const uint8_t *value, size_t value_len, void *user_data)
{
    (void)status, (void)hr, (void)value_type, (void)value, (void)value_len, (void)user_data;
    return WMLB_S_OK;
}

/* The stores that were found, of which one is wanted. */
struct found {
    unsigned count;
    int own; /* the library's default place has one */
    char *path;
};

static wmlb_hresult on_store(const wmlb_store_info *store, void *user_data)
{
    struct found *found = user_data;

    if (strcmp(store->player, "wmlb") == 0) {
        found->own = 1;
    } else if (found->count++ == 0) {
        size_t size = strlen(store->path) + 1;

        found->path = malloc(size); /* store is gone after this call */
        if (found->path == NULL)
            return WMLB_E_OUTOFMEMORY;
        memcpy(found->path, store->path, size);
    }
    return WMLB_S_OK;
}

/* The value of --script-opts=wmlb-store=..., or NULL; of no use when options is freed. */
static const char *store_option(const mpv_node *options)
{
    int index;

    if (options->format == MPV_FORMAT_NODE_MAP)
        for (index = 0; index < options->u.list->num; index++)
            if (strcmp(options->u.list->keys[index], "wmlb-store") == 0 &&
                options->u.list->values[index].format == MPV_FORMAT_STRING)
                return options->u.list->values[index].u.string;
    return NULL;
}

/* A path with ~/ and mpv's own ~~/ resolved; valid until the node's contents are freed. */
static const char *expand(struct plugin *plugin, const char *path, mpv_node *expanded)
{
    const char *command[] = {"expand-path", path, NULL};

    memset(expanded, 0, sizeof *expanded);
    if (mpv_command_ret(plugin->mpv, command, expanded) < 0)
        expanded->format = MPV_FORMAT_NONE;
    return expanded->format == MPV_FORMAT_STRING ? expanded->u.string : path;
}

/* Chooses the store; 0 if there is none to choose, and the user was told. */
static int choose_store(struct plugin *plugin)
{
    const char *named, *variable = getenv("WMLB_STORE_PATH");
    struct found found = {0, 0, NULL};
    wmlb_hresult hr = WMLB_S_OK;
    mpv_node options, expanded;
    int chosen = 0;

    memset(&options, 0, sizeof options);
    if (mpv_get_property(plugin->mpv, "script-opts", MPV_FORMAT_NODE, &options) < 0)
        options.format = MPV_FORMAT_NONE;
    named = store_option(&options);
    if (named != NULL) {
        hr = wmlb_restorer_set_store_path(plugin->restorer, expand(plugin, named, &expanded));
        mpv_free_node_contents(&expanded);
        chosen = 1;
    } else if (variable == NULL || *variable == '\0') {
        hr = wmlb_discover_stores(on_store, &found);
        if (WMLB_SUCCEEDED(hr) && !found.own && found.count == 1) {
            hr = wmlb_restorer_set_store_path(plugin->restorer, found.path);
            chosen = 1;
        }
    }
    mpv_free_node_contents(&options);
    if (WMLB_FAILED(hr)) {
        tell_failure(plugin, "refused", hr);
    } else if (!chosen && !found.own && found.count > 1) {
        tell(plugin, "refused", WMLB_NS_E_DRM_NOT_CONFIGURED,
             "No backup of licenses: there are several stores; "
             "choose with --script-opts=wmlb-store=PATH");
        hr = WMLB_NS_E_DRM_NOT_CONFIGURED;
    } else if (!chosen) {
        /* The library's default; if nothing is there, the failure names it. */
        hr = wmlb_restorer_remove_prop(plugin->restorer, WMLB_PROP_STORE_PATH);
    }
    free(found.path);
    return WMLB_SUCCEEDED(hr);
}

static void start(struct plugin *plugin, const char *folder, uint32_t flags)
{
    mpv_node expanded;
    wmlb_hresult hr;

    if (!choose_store(plugin))
        return;
    folder = expand(plugin, folder, &expanded);
    hr = wmlb_restorer_set_backup_path(plugin->restorer, folder);
    mpv_free_node_contents(&expanded);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_restorer_backup_licenses(plugin->restorer, flags, on_status, NULL);
    if (WMLB_FAILED(hr)) {
        tell_failure(plugin, "refused", hr);
        return;
    }
    plugin->running = 1;
    tell(plugin, "running", hr, "Backing up licenses");
    show_again_in(plugin, STEP_SECONDS);
}

static void on_message(struct plugin *plugin, const mpv_event_client_message *message)
{
    int count = message->num_args;
    const char **words = message->args;

    if (count > 0 && strcmp(words[0], "wmlb-backup-cancel") == 0) {
        wmlb_restorer_cancel(plugin->restorer);
    } else if (count > 0 && strcmp(words[0], "wmlb-backup") == 0) {
        if (count < 2 || count > 3 || (count == 3 && strcmp(words[2], "overwrite") != 0))
            tell(plugin, "refused", WMLB_E_INVALIDARG,
                 "usage: script-message wmlb-backup FOLDER [overwrite]");
        else if (plugin->running)
            tell(plugin, "refused", WMLB_NS_E_DRM_BACKUPRESTORE_BUSY,
                 "A backup of licenses is running already");
        else
            start(plugin, words[1], count == 3 ? WMLB_BACKUP_OVERWRITE : 0);
    }
}

/* Looks how far the backup is, and does not wait for it. */
static void look(struct plugin *plugin)
{
    wmlb_hresult hr, result = WMLB_E_FAIL;
    wmlb_progress progress;
    char words[200];
    uint64_t seen;

    memset(&progress, 0, sizeof progress);
    progress.struct_size = sizeof progress;
    hr = wmlb_restorer_wait(plugin->restorer, 0, &result);
    if (WMLB_FAILED(wmlb_restorer_get_progress(plugin->restorer, &progress)))
        return;
    seen = progress.licenses_done + progress.licenses_restricted + progress.licenses_skipped;
    if (hr != WMLB_E_TIMEOUT) {
        plugin->running = 0;
        if (WMLB_FAILED(hr) || WMLB_FAILED(result)) {
            tell_failure(plugin, "failed", WMLB_FAILED(hr) ? hr : result);
            return;
        }
        snprintf(words, sizeof words,
                 "%" PRIu64 " licenses backed up, %" PRIu64 " that may not be, %" PRIu64 " left out",
                 progress.licenses_done, progress.licenses_restricted, progress.licenses_skipped);
        tell(plugin, "done", result, words);
        return;
    }
    snprintf(words, sizeof words, "%" PRIu64 " %" PRIu64 " %" PRIu64, seen, progress.licenses_total,
             progress.bytes_done);
    send(plugin, "progress", WMLB_S_OK, words);
    if (mpv_get_time_us(plugin->mpv) >= plugin->next_show) {
        if (progress.licenses_total == 0)
            snprintf(words, sizeof words, "Backing up licenses: %" PRIu64, seen);
        else
            snprintf(words, sizeof words, "Backing up licenses: %" PRIu64 " of %" PRIu64, seen,
                     progress.licenses_total);
        show(plugin, words, SHORT_MS);
        show_again_in(plugin, STEP_SECONDS);
    }
}

/* mpv calls it on a thread of its own and waits at its end until it has returned. */
MPV_EXPORT int mpv_open_cplugin(mpv_handle *mpv);
MPV_EXPORT int mpv_open_cplugin(mpv_handle *mpv)
{
    struct plugin plugin = {mpv, NULL, 0, 0};
    mpv_event *event;

    if (WMLB_FAILED(wmlb_restorer_create(&plugin.restorer)))
        return -1;
    do {
        event = mpv_wait_event(mpv, plugin.running ? STEP_SECONDS : -1);
        if (event->event_id == MPV_EVENT_SHUTDOWN)
            break;
        if (plugin.running) /* before the message, which a backup that has ended cannot refuse */
            look(&plugin);
        if (event->event_id == MPV_EVENT_CLIENT_MESSAGE)
            on_message(&plugin, event->data);
    } while (1);
    /* Cancels a backup that runs, and returns when its thread has ended. */
    wmlb_restorer_release(plugin.restorer);
    return 0;
}
