/*
 * The wmlb command: backs up, restores, verifies and lists licenses; wmlb --help says how.
 * It knows of the library what wmlb.h says, and nothing else.
 *
 *     cc -pthread *.c $(pkg-config --cflags --libs wmlb) -o wmlb
 */
#define _POSIX_C_SOURCE 200809L /* open, isatty */
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wmlb.h>

#include "generations.h"
#include "help.h"
#include "list.h"
#include "operate.h"
#include "options.h"
#include "print.h"
#include "remote.h"
#include "secret.h"
#include "stores.h"
#include "watch.h"
#include "words.h"

volatile sig_atomic_t signaled;

static bool was_closed[STDERR_FILENO + 1]; /* when the command was started */

/* Whether it is an address as "s3://place": those of folders have no "//" after a colon. */
static bool is_address(const char *path)
{
    const char *at = path;

    if (!isalpha((unsigned char)*at))
        return false;
    while (isalnum((unsigned char)*at) || (*at != 0 && strchr("+.-", *at) != NULL))
        at++;
    return strncmp(at, "://", 3) == 0;
}

/* Whether it has the name of a backup file, and is none of a folder that is there. */
static bool is_named_as_backup(const char *path)
{
    static const char ending[] = ".wmlb";
    size_t length = strlen(path);
    struct stat status;

    return length >= sizeof ending - 1 &&
           strcmp(path + length - (sizeof ending - 1), ending) == 0 &&
           !(stat(path, &status) == 0 && S_ISDIR(status.st_mode));
}

/* What is not for buckets. */
static int check_bucket(const struct arguments *arguments)
{
    const char *command = arguments->command->name;

    if (GIVEN(arguments, EVERY_STORE))
        return wrong_usage(command, "a folder is needed for --all, not ", arguments->path);
    if (arguments->command->bit == WATCH)
        return wrong_usage(command, "a folder is needed, not ", arguments->path);
    if (arguments->command->bit == BACKUP && GIVEN(arguments, CHECK))
        return wrong_usage(command, "for backups in folders only: ", "--verify");
    if (GIVEN(arguments, AT) && GIVEN(arguments, GENERATION))
        return wrong_usage(command, "not both are possible: ", "--at and --generation");
    return DONE;
}

/* Paths that are none, or are of another kind than is needed. */
static int check_paths(const struct arguments *arguments)
{
    const char *command = arguments->command->name;
    const char *paths[] = {arguments->path, arguments->store};
    bool backup = (arguments->command->bit & SAVES) != 0;
    int readers = is_stream(arguments->passphrase, false) +
                  (!backup && is_stream(arguments->path, false));

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (paths[i] != NULL && is_address(paths[i]) && !(i == 0 && is_bucket(paths[i])))
            return wrong_usage(command, "a path is needed, not an address: ", paths[i]);
    for (const char **one = arguments->identities; one != NULL && *one != NULL; one++)
        readers += is_stream(*one, false);
    if (readers > 1)
        return wrong_usage(command, "only one thing can come from ", "standard input");
    if (is_bucket(arguments->path))
        return check_bucket(arguments);
    if (GIVEN(arguments, DEVICE) || GIVEN(arguments, GENERATION))
        return wrong_usage(command, "for backups in buckets only: ",
                           GIVEN(arguments, DEVICE) ? "--device" : "--generation");
    if (arguments->command->bit == DEVICES)
        return wrong_usage(command, "an address such as s3://bucket/prefix is needed, not ",
                           arguments->path);
    if (backup && is_named_as_backup(arguments->path))
        return wrong_usage(command, "a folder is needed, in which the backup is "
                           WMLB_BACKUP_FILE_NAME "; not ", arguments->path);
    if (GIVEN(arguments, EVERY_STORE) && is_stream(arguments->path, true))
        return wrong_usage(command, "a folder is needed for --all, not ", arguments->path);
    if (arguments->command->bit == WATCH && is_stream(arguments->path, true))
        return wrong_usage(command, "a folder is needed, not ", arguments->path);
    if (arguments->store != NULL && strcmp(arguments->store, "-") == 0)
        return wrong_usage(command, "a store is a folder or a database, not ", "standard input");
    if (arguments->store != NULL && is_named_as_backup(arguments->store))
        return wrong_usage(command, "a store is needed, not a backup: ", arguments->store);
    return DONE;
}

/* Where a backup goes or comes from: a folder, a file, the stream that "-" stands for, or a
 * bucket. */
static int set_place(const struct arguments *arguments)
{
    bool backup = (arguments->command->bit & SAVES) != 0;
    int stream = backup ? STDOUT_FILENO : STDIN_FILENO;
    const char *command = arguments->command->name;
    const char *name = backup ? "standard output" : "standard input";
    wmlb_hresult hr;

    if (is_bucket(arguments->path))
        return open_bucket(arguments);
    if (is_stream(arguments->path, backup) && (GIVEN(arguments, KEEP) || GIVEN(arguments, AT)))
        return wrong_usage(command, "for backups in folders only: ", backup ? "--keep" : "--at");
    if (!is_stream(arguments->path, backup))
        hr = backup ? wmlb_set_backup_path(arguments->path)
                    : wmlb_set_restore_path(arguments->path);
    else if (was_closed[stream])
        return wrong_usage(command, "it is closed: ", name);
    else if (isatty(stream))
        return wrong_usage(command, "a backup is no text for a terminal, which is ", name);
    else
        hr = wmlb_restorer_set_target_fd(wmlb_default_restorer(), stream);
    if (WMLB_SUCCEEDED(hr) && GIVEN(arguments, AT))
        hr = choose_generation(arguments->path, arguments->at);
    if (hr == WMLB_S_FALSE)
        return miss_generation();
    return WMLB_FAILED(hr) ? complain(hr, GIVEN(arguments, VERBOSE)) : DONE;
}

static wmlb_hresult set_text(const char *name, const char *text)
{
    return text == NULL ? WMLB_S_OK
                        : wmlb_set_prop(name, WMLB_TYPE_STRING, (const uint8_t *)text, strlen(text));
}

/* Sets what all commands set in the same way. */
static int configure(const struct arguments *arguments)
{
    bool verbose = GIVEN(arguments, VERBOSE);
    wmlb_hresult hr = set_text(WMLB_PROP_RECIPIENTS, arguments->recipients);
    int code = DONE;

    if (WMLB_SUCCEEDED(hr))
        hr = set_text(WMLB_PROP_ONLY, arguments->only);
    if (WMLB_SUCCEEDED(hr) && GIVEN(arguments, NAMES))
        hr = set_text(WMLB_PROP_DETAILS, "names");
    if (WMLB_SUCCEEDED(hr))
        hr = set_text(WMLB_PROP_KEEP, is_bucket(arguments->path) ? NULL : arguments->keep);
    if (WMLB_SUCCEEDED(hr) && GIVEN(arguments, LEVEL))
        hr = wmlb_set_prop(WMLB_PROP_COMPRESSION_LEVEL, WMLB_TYPE_DWORD,
                           (const uint8_t *)&arguments->level, sizeof arguments->level);
    if (WMLB_SUCCEEDED(hr) && GIVEN(arguments, SAMPLE))
        hr = wmlb_set_prop(WMLB_PROP_SAMPLE, WMLB_TYPE_DWORD,
                           (const uint8_t *)&arguments->sample, sizeof arguments->sample);
    if (WMLB_FAILED(hr))
        return complain(hr, verbose);
    if (arguments->store != NULL)
        code = set_store(arguments->store, arguments->command->bit != RESTORE);
    catch_signals(0); /* one ends the reading of a secret */
    if (code == DONE && arguments->passphrase != NULL)
        code = set_passphrase(arguments->passphrase, (arguments->command->bit & SAVES) != 0, &hr);
    if (code == DONE && arguments->identities != NULL && WMLB_SUCCEEDED(hr))
        code = set_identities(arguments->identities, &hr);
    catch_signals(SA_RESTART);
    if (signaled)
        return 128 + signaled;
    if (WMLB_FAILED(hr))
        code = complain(hr, verbose);
    return hr == WMLB_E_INVALIDARG ? LOCKED : code; /* what was read is no secret */
}

static int run_command(const struct arguments *arguments)
{
    int code = check_paths(arguments);

    if (code == DONE && arguments->path != NULL)
        code = set_place(arguments);
    if (code == DONE)
        code = configure(arguments);
    if (code != DONE)
        return code;
    switch (arguments->command->bit) {
    case BACKUP: return back_up(arguments);
    case WATCH: return watch(arguments);
    case RESTORE: return restore(arguments);
    case VERIFY: return verify(arguments);
    case CAT: return cat(arguments);
    default: return list(arguments);
    }
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

/* The help of the command that is named, or of all. */
static int help(const char *topic)
{
    const struct command *command = topic != NULL ? find_command(topic) : NULL;

    if (topic != NULL && command == NULL)
        return wrong_usage("", "there is no command ", topic);
    if (command != NULL)
        show_help(command);
    else
        show_overview(stdout);
    return DONE;
}

static int run_arguments(const struct arguments *arguments)
{
    if (GIVEN(arguments, VERSION)) {
        printf("wmlb %s\n", wmlb_version());
        return DONE;
    }
    if (GIVEN(arguments, HELP_OPTION))
        return help(arguments->command != NULL ? arguments->command->name : NULL);
    if (arguments->command == NULL) {
        show_overview(stderr);
        return USAGE;
    }
    return arguments->command->bit == HELP ? help(arguments->path) : run_command(arguments);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.path = NULL};
    int code;

    keep_streams();
    code = read_arguments(argc, argv, &arguments);
    if (code == DONE)
        code = run_arguments(&arguments);
    close_bucket();
    free(arguments.identities);
    free(arguments.recipients);
    free(arguments.only);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == DONE) {
        begin_complaint();
        fputs("standard output cannot be written\n", stderr);
        code = FAILED;
    }
    return code;
}
