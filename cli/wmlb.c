/*
 * The wmlb command: backs up, restores, verifies and lists licenses; wmlb --help says how.
 * It knows of the library what wmlb.h says, and nothing else.
 *
 *     cc -pthread wmlb.c print.c secret.c $(pkg-config --cflags --libs wmlb) -o wmlb
 */
#define _GNU_SOURCE /* getopt_long */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "secret.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, NOT_ALL = 3, EXISTS = 4, LOCKED = 5, DAMAGED = 6 };

enum {
    STORE = 1, FORCE, PARTIAL, VERIFY, PASSPHRASE, RECIPIENT, IDENTITY, LEVEL,
    INDIVIDUALIZE, JSON, QUIET, VERBOSE, HELP
};

static const struct option known[] = {
    {"store", required_argument, NULL, STORE},
    {"force", no_argument, NULL, FORCE},
    {"partial", no_argument, NULL, PARTIAL},
    {"verify", no_argument, NULL, VERIFY},
    {"passphrase-file", required_argument, NULL, PASSPHRASE},
    {"recipient", required_argument, NULL, RECIPIENT},
    {"identity", required_argument, NULL, IDENTITY},
    {"level", required_argument, NULL, LEVEL},
    {"individualize", no_argument, NULL, INDIVIDUALIZE},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"verbose", no_argument, NULL, VERBOSE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

#define BIT(option) (1u << (option))
#define COMMON (BIT(HELP))
#define KEYS (BIT(PASSPHRASE) | BIT(IDENTITY))

struct command {
    const char *name;
    unsigned options;
    const char *help;
};

static const struct command commands[] = {
    {"backup",
     COMMON | BIT(STORE) | BIT(FORCE) | BIT(PARTIAL) | BIT(VERIFY) | BIT(PASSPHRASE) |
         BIT(RECIPIENT) | BIT(LEVEL) | BIT(QUIET),
     "usage: wmlb backup [OPTION...] FOLDER\n"
     "Saves the licenses of a store in FOLDER/" WMLB_BACKUP_FILE_NAME "; -: writes the backup to\n"
     "standard output.\n\n"
     "  --store PATH            the store; by default $WMLB_STORE_PATH, else wmlb/licenses\n"
     "                          in $XDG_DATA_HOME or ~/.local/share; those of players are\n"
     "                          shown by: wmlb stores\n"
     "  --force                 replace the backup that is there\n"
     "  --partial               leave out what cannot be read (exit code 3)\n"
     "  --verify                read the backup back from the disk\n"
     "  --passphrase-file FILE  encrypt with the first line of FILE; -: of standard input,\n"
     "                          where a terminal is asked for it\n"
     "  --recipient AGE1...     encrypt to a public key of age; may be given repeatedly\n"
     "  --level N               compression, 1 to 19\n"
     "  --quiet                 only errors\n"},
    {"restore",
     COMMON | KEYS | BIT(STORE) | BIT(FORCE) | BIT(INDIVIDUALIZE) | BIT(QUIET),
     "usage: wmlb restore [OPTION...] BACKUP\n"
     "Brings the licenses of a backup (a folder or file; -: standard input) back into a store.\n\n"
     "  --store PATH            the store; by default $WMLB_STORE_PATH, else wmlb/licenses\n"
     "                          in $XDG_DATA_HOME or ~/.local/share; those of players are\n"
     "                          shown by: wmlb stores\n"
     "  --force                 replace licenses that differ\n"
     "  --individualize         also from another device\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"
     "  --quiet                 only errors\n"},
    {"verify", COMMON | KEYS | BIT(QUIET),
     "usage: wmlb verify [OPTION...] BACKUP\n"
     "Checks a backup (a folder or file; -: standard input) as a restore would, and restores\n"
     "nothing.\n\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"
     "  --quiet                 only errors\n"},
    {"list", COMMON | KEYS | BIT(STORE) | BIT(JSON),
     "usage: wmlb list [OPTION...] BACKUP\n"
     "       wmlb list [OPTION...] --store PATH\n"
     "Shows the licenses in a backup (a folder or file; -: standard input) or store.\n\n"
     "  --json                  an array of objects; a name that is not UTF-8 has U+FFFD in\n"
     "                          \"name\", and its exact bytes, in hexadecimal, in \"name_hex\"\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"},
    {"stores", COMMON | BIT(JSON) | BIT(VERBOSE),
     "usage: wmlb stores [--json] [--verbose]\n"
     "Shows the license stores that players have made for this user.\n\n"
     "  --verbose               also show the places where it looked for them\n"},
};

static const char overview[] =
    "usage: wmlb COMMAND [OPTION...] [PATH]\n\n"
    "  backup    save the licenses of a store in a file\n"
    "  restore   bring them back\n"
    "  verify    check a backup\n"
    "  list      show the licenses in a backup or store\n"
    "  stores    show the stores of this user's players\n\n"
    "wmlb COMMAND --help says more. wmlb --version: the version.\n\n"
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 backed up, but not all; 4 there is a\n"
    "backup already; 5 passphrase or identity wrong or missing; 6 the file is damaged, or no\n"
    "backup; 130 interrupted (128 + signal).\n";

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

static int operate(start_function *start, uint32_t flags, bool quiet, const char *verb, FILE *out)
{
    struct run run = begin_run(quiet);
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

static int wrong_usage(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "wmlb: %s", what);
    print_plain(stderr, which);
    fprintf(stderr, "\nTry: wmlb%s%s --help\n", *command ? " " : "", command);
    return USAGE;
}

/* What getopt_long did not take: returned ':' or '?' for. */
static int wrong_option(const struct command *command, int returned, char **argv)
{
    char option[32] = "";

    for (const struct option *one = known; one->name != NULL && returned == ':'; one++)
        if (one->val == optopt)
            snprintf(option, sizeof option, "--%s", one->name);
    if (*option != 0)
        return wrong_usage(command->name, "a value is missing: ", option);
    if (optopt > HELP) { /* one letter */
        snprintf(option, sizeof option, "-%c", optopt);
        return wrong_usage(command->name, "not an option here: ", option);
    }
    return wrong_usage(command->name, "not an option here: ", argv[optind - 1]);
}

struct arguments {
    const char *path, *store, *passphrase;
    const char **identities; /* file names, NULL after the last */
    char *recipients;
    unsigned given;
    uint32_t level;
};

static bool add_recipient(struct arguments *arguments, const char *recipient)
{
    size_t before = arguments->recipients != NULL ? strlen(arguments->recipients) : 0;
    char *longer = realloc(arguments->recipients, before + strlen(recipient) + 2);

    if (longer == NULL)
        return false;
    arguments->recipients = longer;
    strcpy(longer + before, recipient);
    strcat(longer + before, "\n");
    return true;
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

static bool is_stream(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Where a backup goes or comes from: a folder, a file, or the stream that "-" stands for. */
static int set_place(const char *command, const struct arguments *arguments, bool backup)
{
    int stream = backup ? STDOUT_FILENO : STDIN_FILENO;
    const char *name = backup ? "standard output" : "standard input";
    wmlb_hresult hr;

    if (!is_stream(arguments->path))
        hr = backup ? wmlb_set_backup_path(arguments->path)
                    : wmlb_set_restore_path(arguments->path);
    else if (was_closed[stream])
        return wrong_usage(command, "it is closed: ", name);
    else if (isatty(stream))
        return wrong_usage(command, "a backup is no text for a terminal, which is ", name);
    else
        hr = wmlb_restorer_set_target_fd(wmlb_default_restorer(), stream);
    return WMLB_FAILED(hr) ? complain(hr) : DONE;
}

static int run_command(const char *command, const struct arguments *arguments)
{
    uint32_t flags = 0;
    bool quiet = (arguments->given & BIT(QUIET)) != 0;
    bool backup = strcmp(command, "backup") == 0;
    FILE *out = backup && is_stream(arguments->path) ? stderr : stdout;
    int code = DONE;

    if (!backup && is_stream(arguments->path) && arguments->passphrase != NULL &&
        is_stream(arguments->passphrase))
        return wrong_usage(command, "not both come from standard input: ", "passphrase and backup");
    if (arguments->path != NULL)
        code = set_place(command, arguments, backup);
    if (code == DONE)
        code = configure(arguments, backup);
    if (code != DONE)
        return code;
    if (backup) {
        flags |= arguments->given & BIT(FORCE) ? WMLB_BACKUP_OVERWRITE : 0;
        flags |= arguments->given & BIT(PARTIAL) ? WMLB_BACKUP_PARTIAL : 0;
        flags |= arguments->given & BIT(VERIFY) ? WMLB_BACKUP_VERIFY : 0;
        return operate(wmlb_restorer_backup_licenses, flags, quiet, "backed up", out);
    }
    if (strcmp(command, "restore") == 0) {
        flags |= arguments->given & BIT(FORCE) ? WMLB_RESTORE_OVERWRITE : 0;
        flags |= arguments->given & BIT(INDIVIDUALIZE) ? WMLB_RESTORE_INDIVIDUALIZE : 0;
        return operate(wmlb_restorer_restore_licenses, flags, quiet, "restored", out);
    }
    if (strcmp(command, "verify") == 0)
        return operate(wmlb_restorer_verify_backup, 0, quiet, "verified", out);
    return list(command, arguments);
}

/* Reads the options after the command's name; DONE, or the code to end with. */
static int read_arguments(const struct command *command, int argc, char **argv,
                          struct arguments *arguments)
{
    struct option own[sizeof known / sizeof *known] = {{NULL, 0, NULL, 0}};
    size_t options = 0, identities = 0;
    int option, wanted;
    char *end;

    for (const struct option *one = known; one->name != NULL; one++)
        if (command->options & BIT(one->val))
            own[options++] = *one;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", own, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_option(command, option, argv);
        arguments->given |= BIT(option);
        switch (option) {
        case STORE: arguments->store = optarg; break;
        case PASSPHRASE: arguments->passphrase = optarg; break;
        case IDENTITY:
            if (arguments->identities == NULL)
                arguments->identities = calloc((size_t)argc, sizeof *arguments->identities);
            if (arguments->identities == NULL)
                return complain(WMLB_E_OUTOFMEMORY);
            arguments->identities[identities++] = optarg;
            break;
        case RECIPIENT:
            if (!add_recipient(arguments, optarg))
                return complain(WMLB_E_OUTOFMEMORY);
            break;
        case LEVEL:
            arguments->level = (uint32_t)strtoul(optarg, &end, 10);
            if (*end != 0 || strlen(optarg) > 2 || arguments->level < 1 || arguments->level > 19)
                return wrong_usage(command->name, "not a level from 1 to 19: ", optarg);
            break;
        default: break;
        }
    }
    if (arguments->given & BIT(HELP))
        return DONE;
    wanted = strcmp(command->name, "stores") == 0 ||
                     (strcmp(command->name, "list") == 0 && arguments->store != NULL)
                 ? 0 : 1;
    if (argc - optind != wanted)
        return wrong_usage(command->name, wanted ? "one path is needed" : "no path is needed", "");
    arguments->path = wanted ? argv[optind] : NULL;
    return DONE;
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

int main(int argc, char **argv)
{
    struct arguments arguments = {.path = NULL};
    const struct command *command = NULL;
    const char *name = argc > 1 ? argv[1] : "";
    int code;

    keep_streams();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            command = &commands[i];
    if (command == NULL) {
        if (strcmp(name, "--help") != 0 && strcmp(name, "--version") != 0)
            return wrong_usage("", *name ? "there is no command " : "a command is needed", name);
        if (strcmp(name, "--help") == 0)
            fputs(overview, stdout);
        else
            printf("wmlb %s\n", wmlb_version());
        code = DONE;
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
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == DONE) {
        fputs("wmlb: standard output cannot be written\n", stderr);
        code = FAILED;
    }
    return code;
}
