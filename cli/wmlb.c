/*
 * The wmlb command: backs up, restores, verifies and lists licenses; wmlb --help says how.
 * It knows of the library what wmlb.h says, and nothing else.
 *
 *     cc -pthread *.c $(pkg-config --cflags --libs wmlb) -o wmlb
 */
#define _GNU_SOURCE /* pthreads, sigaction */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "generations.h"
#include "one.h"
#include "options.h"
#include "print.h"
#include "secret.h"

volatile sig_atomic_t signaled;

static void on_signal(int number)
{
    signaled = number;
}

/* What was ignored when the command was started, by nohup or a shell's &, stays so. A second
 * signal ends the command on the spot, should the first not: nothing is lost by that. */
static void catch_signals(int flags)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags | SA_RESETHAND};
    struct sigaction before;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

static int exit_code(wmlb_hresult hr)
{
    switch (hr) {
    case WMLB_NS_E_DRM_STORE_NOTALLSTORED:
        return NOT_ALL;
    case WMLB_NS_E_DRM_BACKUP_EXISTS:
        return EXISTS;
    case WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD:
        return LOCKED;
    case WMLB_NS_E_DRM_BACKUP_CORRUPT:
    case WMLB_NS_E_BACKUP_RESTORE_BAD_DATA:
        return DAMAGED;
    case WMLB_NS_E_DRM_OPERATION_CANCELED:
        return signaled ? 128 + signaled : FAILED;
    default:
        return WMLB_SUCCEEDED(hr) ? DONE : FAILED;
    }
}

/* The words of the last failure. */
static int complain(wmlb_hresult hr)
{
    char *words = NULL;
    size_t len = 0;

    if (WMLB_SUCCEEDED(wmlb_get_last_error(NULL, &len)) && len > 1 &&
        (words = malloc(len)) != NULL && WMLB_FAILED(wmlb_get_last_error(words, &len))) {
        free(words);
        words = NULL;
    }
    fputs("wmlb: ", stderr);
    print_plain(stderr, words != NULL ? words : wmlb_hresult_message(hr));
    fprintf(stderr, " (%s)\n", wmlb_hresult_name(hr));
    free(words);
    return exit_code(hr);
}

typedef wmlb_hresult start_function(struct wmlb_restorer *, uint32_t, wmlb_status_callback,
                                    void *);

static int operate(start_function *start, uint32_t flags, bool quiet, bool forced,
                   const char *verb, FILE *out)
{
    struct run run = begin_run(quiet, forced);
    wmlb_hresult result = WMLB_E_FAIL;
    wmlb_hresult hr = start(wmlb_default_restorer(), flags, show_event, &run);

    if (WMLB_FAILED(hr))
        return complain(hr);
    while ((hr = wmlb_wait(50, &result)) == WMLB_E_TIMEOUT)
        if (signaled)
            wmlb_restorer_cancel(wmlb_default_restorer());
    clear_bar(&run);
    if (WMLB_FAILED(hr))
        return complain(hr);
    if (run.kept_earlier && !signaled) {
        fputs("wmlb: the earlier backup stays\n", stderr);
        return FAILED;
    }
    if (WMLB_FAILED(result) && result != WMLB_NS_E_DRM_STORE_NOTALLSTORED)
        return complain(result);
    if (!quiet) {
        fprintf(out, "%s %" PRIu64 " licenses", verb, run.progress.licenses_done);
        if (run.progress.licenses_restricted > 0)
            fprintf(out, ", %" PRIu64 " may not be backed up", run.progress.licenses_restricted);
        if (run.progress.licenses_skipped > 0)
            fprintf(out, ", %" PRIu64 " left out", run.progress.licenses_skipped);
        fputc('\n', out);
    }
    return exit_code(result);
}

/* Sets what all commands set in the same way. */
static int configure(const struct arguments *arguments, bool backup)
{
    wmlb_hresult hr = WMLB_S_OK;
    int code = DONE;

    if (arguments->store != NULL)
        hr = wmlb_set_store_path(arguments->store);
    if (WMLB_SUCCEEDED(hr) && arguments->recipients != NULL)
        hr = wmlb_set_prop(WMLB_PROP_RECIPIENTS, WMLB_TYPE_STRING,
                           (const uint8_t *)arguments->recipients,
                           strlen(arguments->recipients));
    if (WMLB_SUCCEEDED(hr) && arguments->only != NULL)
        hr = wmlb_set_prop(WMLB_PROP_ONLY, WMLB_TYPE_STRING, (const uint8_t *)arguments->only,
                           strlen(arguments->only));
    if (WMLB_SUCCEEDED(hr) && arguments->keep != NULL)
        hr = wmlb_set_prop(WMLB_PROP_KEEP, WMLB_TYPE_STRING, (const uint8_t *)arguments->keep,
                           strlen(arguments->keep));
    if (WMLB_SUCCEEDED(hr) && (arguments->given & BIT(LEVEL)))
        hr = wmlb_set_prop(WMLB_PROP_COMPRESSION_LEVEL, WMLB_TYPE_DWORD,
                           (const uint8_t *)&arguments->level, sizeof arguments->level);
    if (WMLB_FAILED(hr))
        return complain(hr);
    catch_signals(0); /* one ends the reading of a secret */
    hr = WMLB_S_OK;
    if (arguments->passphrase != NULL)
        code = set_passphrase(arguments->passphrase, backup, &hr);
    if (code == DONE && arguments->identities != NULL)
        code = set_identities(arguments->identities, &hr);
    catch_signals(SA_RESTART);
    if (signaled)
        return 128 + signaled;
    return WMLB_FAILED(hr) ? complain(hr) : code;
}

static wmlb_hresult list_stores(const struct arguments *arguments, struct listing *listing)
{
    wmlb_hresult hr = WMLB_S_OK;

    if (arguments->given & BIT(VERBOSE))
        hr = wmlb_discover_places(show_place, NULL);
    if (WMLB_SUCCEEDED(hr))
        hr = wmlb_discover_stores(show_store, listing);
    if (WMLB_SUCCEEDED(hr) && listing->count == 0 && !listing->json)
        fputs("no stores found\n", stderr);
    return hr;
}

/* Cancels a list when a signal asks for the end: a database may keep it waiting, and then no
 * callback is called that could. */
struct watch {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool runs, ends;
};

static void *watch_signals(void *given)
{
    struct watch *watch = given;

    pthread_mutex_lock(&watch->mutex);
    while (!watch->ends) {
        struct timespec until;

        if (signaled)
            wmlb_restorer_cancel(wmlb_default_restorer());
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&watch->changed, &watch->mutex, &until);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

static void begin_watch(struct watch *watch)
{
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_cond_init(&watch->changed, NULL);
    watch->ends = false;
    /* Without a thread the callbacks still see the signal. */
    watch->runs = pthread_create(&watch->thread, NULL, watch_signals, watch) == 0;
}

static void end_watch(struct watch *watch)
{
    if (!watch->runs)
        return;
    pthread_mutex_lock(&watch->mutex);
    watch->ends = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
}

static int list(const char *command, const struct arguments *arguments)
{
    struct listing listing = {.json = (arguments->given & BIT(JSON)) != 0};
    struct watch watch;
    wmlb_hresult hr;

    if (listing.json)
        putchar('[');
    begin_watch(&watch);
    if (strcmp(command, "stores") == 0)
        hr = list_stores(arguments, &listing);
    else if (strcmp(command, "generations") == 0)
        hr = list_generations(&listing);
    else if (strcmp(command, "forget") == 0)
        hr = forget_generations(&listing, (arguments->given & BIT(DRY_RUN)) != 0);
    else if (arguments->path != NULL)
        hr = wmlb_restorer_enumerate_backup(wmlb_default_restorer(), show_license, &listing);
    else if (WMLB_SUCCEEDED(hr = wmlb_set_backup_path(arguments->store))) /* none is listed */
        hr = wmlb_restorer_enumerate_store(wmlb_default_restorer(), show_license, &listing);
    end_watch(&watch);
    if (listing.json)
        puts(listing.count > 0 ? "\n]" : "]");
    if (WMLB_FAILED(hr) && !ferror(stdout))
        return complain(hr);
    return DONE;
}

static bool was_closed[STDERR_FILENO + 1]; /* when the command was started */

static bool is_stream(const char *path, bool out)
{
    return path != NULL &&
           (strcmp(path, "-") == 0 || strcmp(path, out ? "/dev/stdout" : "/dev/stdin") == 0);
}

/* Where a backup goes or comes from: a folder, a file, or the stream that "-" stands for. */
static int set_place(const char *command, const struct arguments *arguments, bool backup)
{
    int stream = backup ? STDOUT_FILENO : STDIN_FILENO;
    const char *name = backup ? "standard output" : "standard input";
    wmlb_hresult hr;

    if (is_stream(arguments->path, backup) && (arguments->given & (BIT(KEEP) | BIT(AT))))
        return wrong_usage(command, "for backups in folders only: ",
                           backup ? "--keep" : "--at");
    if (!is_stream(arguments->path, backup))
        hr = backup ? wmlb_set_backup_path(arguments->path)
                    : wmlb_set_restore_path(arguments->path);
    else if (was_closed[stream])
        return wrong_usage(command, "it is closed: ", name);
    else if (isatty(stream))
        return wrong_usage(command, "a backup is no text for a terminal, which is ", name);
    else
        hr = wmlb_restorer_set_target_fd(wmlb_default_restorer(), stream);
    if (WMLB_SUCCEEDED(hr) && (arguments->given & BIT(AT)))
        hr = choose_generation(arguments->path, arguments->at);
    if (hr == WMLB_S_FALSE) {
        fputs("wmlb: there is no backup from then or before\n", stderr);
        return FAILED;
    }
    return WMLB_FAILED(hr) ? complain(hr) : DONE;
}

/* Whether there was any license that was wanted. */
static int check_any(void)
{
    wmlb_progress progress = {.struct_size = sizeof progress};

    if (WMLB_SUCCEEDED(wmlb_restorer_get_progress(wmlb_default_restorer(), &progress)) &&
        progress.licenses_done + progress.licenses_skipped > 0)
        return DONE;
    fputs("wmlb: there is no such license in the backup\n", stderr);
    return FAILED;
}

static int cat(const char *name)
{
    struct one one = {.data = NULL};
    wmlb_hresult hr = want_one(&one, name);
    int code = WMLB_FAILED(hr) ? complain(hr)
                               : operate(wmlb_restorer_restore_licenses,
                                         WMLB_RESTORE_OVERWRITE | WMLB_RESTORE_INDIVIDUALIZE, true,
                                         false, "", stdout);

    if (code == DONE)
        code = one.found ? DONE : check_any();
    if (code == DONE)
        fwrite(one.data, 1, one.length, stdout);
    free(one.data);
    return code;
}

static int run_command(const char *command, const struct arguments *arguments)
{
    uint32_t flags = 0;
    bool quiet = (arguments->given & BIT(QUIET)) != 0;
    bool backup = strcmp(command, "backup") == 0;
    FILE *out = backup && is_stream(arguments->path, true) ? stderr : stdout;
    int code = DONE;

    if (!backup && is_stream(arguments->path, false) && is_stream(arguments->passphrase, false))
        return wrong_usage(command, "not both come from standard input: ", "passphrase and backup");
    if (arguments->path != NULL)
        code = set_place(command, arguments, backup);
    if (code == DONE)
        code = configure(arguments, backup);
    if (code != DONE)
        return code;
    if (backup) {
        flags |= arguments->given & (BIT(REPLACE) | BIT(KEEP) | BIT(FORCE)) ? WMLB_BACKUP_OVERWRITE
                                                                            : 0;
        flags |= arguments->given & BIT(EMPTY) ? WMLB_BACKUP_EMPTY : 0;
        flags |= arguments->given & BIT(PARTIAL) ? WMLB_BACKUP_PARTIAL : 0;
        flags |= arguments->given & BIT(VERIFY) ? WMLB_BACKUP_VERIFY : 0;
        return operate(wmlb_restorer_backup_licenses, flags, quiet,
                       (arguments->given & BIT(FORCE)) != 0, "backed up", out);
    }
    if (strcmp(command, "restore") == 0) {
        flags |= arguments->given & BIT(FORCE) ? WMLB_RESTORE_OVERWRITE : 0;
        flags |= arguments->given & BIT(INDIVIDUALIZE) ? WMLB_RESTORE_INDIVIDUALIZE : 0;
        code = operate(wmlb_restorer_restore_licenses, flags, quiet, false, "restored", out);
        return code == DONE && arguments->only != NULL ? check_any() : code;
    }
    if (strcmp(command, "cat") == 0)
        return cat(arguments->name);
    if (strcmp(command, "verify") == 0)
        return operate(wmlb_restorer_verify_backup, 0, quiet, false, "verified", out);
    return list(command, arguments);
}

/* Where the command was started without one of its streams, no file gets the number of that. */
static void keep_streams(void)
{
    int null;

    while ((null = open("/dev/null", O_RDWR)) >= 0 && null <= STDERR_FILENO)
        was_closed[null] = true;
    if (null >= 0)
        close(null);
}

/* What stands in place of a command: help, and the version. */
static int show_about(const char *name, const char *topic)
{
    bool help = strcmp(name, "help") == 0;

    if (strcmp(name, "-V") == 0 || strcmp(name, "--version") == 0) {
        printf("wmlb %s\n", wmlb_version());
    } else if (help && topic != NULL) {
        const struct command *command = find_command(topic);

        if (command == NULL)
            return wrong_usage("", "there is no command ", topic);
        fputs(command->help, stdout);
    } else if (help || strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
        fputs(overview, stdout);
    } else {
        return wrong_usage("", *name ? "there is no command " : "a command is needed", name);
    }
    return DONE;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.path = NULL};
    const struct command *command = NULL;
    const char *name = argc > 1 ? argv[1] : "";
    int code;

    keep_streams();
    command = find_command(name);
    if (command == NULL) {
        code = show_about(name, argc > 2 ? argv[2] : NULL);
    } else {
        code = read_arguments(command, argc - 1, argv + 1, &arguments);
        if (code == DONE && (arguments.given & BIT(HELP))) {
            fputs(command->help, stdout);
        } else if (code == DONE) {
            code = run_command(command->name, &arguments);
        }
    }
    free(arguments.identities);
    free(arguments.recipients);
    free(arguments.only);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == DONE) {
        fputs("wmlb: standard output cannot be written\n", stderr);
        code = FAILED;
    }
    return code;
}
