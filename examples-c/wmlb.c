/*
 * The wmlb command: backs up, restores, verifies and lists licenses; wmlb --help says how.
 * It knows of the library what wmlb.h says, and nothing else.
 *
 *     cc wmlb.c $(pkg-config --cflags --libs wmlb) -o wmlb
 */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wmlb.h>

enum { DONE = 0, FAILED = 1, USAGE = 2, NOT_ALL = 3, EXISTS = 4, LOCKED = 5, DAMAGED = 6 };

enum {
    STORE = 1, FORCE, PARTIAL, VERIFY, PASSPHRASE, RECIPIENT, IDENTITY, LEVEL,
    INDIVIDUALIZE, JSON, QUIET, HELP
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
     "Saves the licenses of a store in FOLDER/" WMLB_BACKUP_FILE_NAME ".\n\n"
     "  --store PATH            the store; by default the player's own\n"
     "  --force                 replace the backup that is there\n"
     "  --partial               leave out what cannot be read (exit code 3)\n"
     "  --verify                read the backup back from the disk\n"
     "  --passphrase-file FILE  encrypt with the first line of FILE; -: of standard input\n"
     "  --recipient AGE1...     encrypt to a public key of age; may be given repeatedly\n"
     "  --level N               compression, 1 to 19\n"
     "  --quiet                 only errors\n"},
    {"restore",
     COMMON | KEYS | BIT(STORE) | BIT(FORCE) | BIT(INDIVIDUALIZE) | BIT(QUIET),
     "usage: wmlb restore [OPTION...] BACKUP\n"
     "Brings the licenses of a backup (a folder or file) back into a store.\n\n"
     "  --store PATH            the store; by default the player's own\n"
     "  --force                 replace licenses that differ\n"
     "  --individualize         also from another device\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients\n"
     "  --quiet                 only errors\n"},
    {"verify", COMMON | KEYS | BIT(QUIET),
     "usage: wmlb verify [OPTION...] BACKUP\n"
     "Checks a backup as a restore would, and restores nothing.\n\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients\n"
     "  --quiet                 only errors\n"},
    {"list", COMMON | KEYS | BIT(STORE) | BIT(JSON),
     "usage: wmlb list [OPTION...] BACKUP\n"
     "       wmlb list [OPTION...] --store PATH\n"
     "Shows the licenses in a backup or store.\n\n"
     "  --json                  an array of objects; a name that is not UTF-8 has U+FFFD in\n"
     "                          \"name\", and its exact bytes, in hexadecimal, in \"name_hex\"\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients\n"},
    {"stores", COMMON | BIT(JSON),
     "usage: wmlb stores [--json]\n"
     "Shows the license stores that players have made for this user.\n"},
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
    "backup already; 5 passphrase or identity wrong or missing; 6 the backup is damaged or\n"
    "none; 130 interrupted (128 + signal).\n";

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

/* What was ignored when the command was started, by nohup or a shell's &, stays so. A second
 * signal ends the command on the spot, should the first not: nothing is lost by that. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
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
        return signalled ? 128 + signalled : FAILED;
    default:
        return WMLB_SUCCEEDED(hr) ? DONE : FAILED;
    }
}

/* What others wrote must not give the terminal orders: C0, DEL, and C1 (C2 80 to C2 9F). */
static void print_plain(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    for (; *at != 0; at++) {
        if (*at == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0) {
            fputc('?', out);
            at++;
        } else {
            fputc(*at < 0x20 || *at == 0x7F ? '?' : *at, out);
        }
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

/* What the callback of an operation knows; main looks at it when that has ended. */
struct run {
    bool bar, quiet, drawn;
    double last;
    wmlb_progress progress;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void clear_bar(struct run *run)
{
    if (run->drawn)
        fputs("\r\033[K", stderr);
    run->drawn = false;
}

static void show_progress(struct run *run)
{
    const wmlb_progress *at = &run->progress;
    uint64_t done = at->licenses_done + at->licenses_restricted + at->licenses_skipped;

    if (run->bar) {
        clear_bar(run);
        if (at->licenses_total > 0) {
            int width = done < at->licenses_total ? (int)(30 * done / at->licenses_total) : 30;
            fprintf(stderr, "[%.*s%*s] %3d %%  ", width, "##############################",
                    30 - width, "", (int)(100 * done / at->licenses_total));
        }
        fprintf(stderr, "%" PRIu64 " licenses, %.1f MB", at->licenses_done,
                (double)at->bytes_done / 1e6);
        run->drawn = true;
    } else if (now() - run->last >= 1) {
        run->last = now();
        fprintf(stderr, "%" PRIu64, done);
        if (at->licenses_total > 0)
            fprintf(stderr, " of %" PRIu64, at->licenses_total);
        fprintf(stderr, " licenses, %.1f MB\n", (double)at->bytes_done / 1e6);
    }
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                              size_t len, void *user_data)
{
    struct run *run = user_data;
    const char *text = type == WMLB_TYPE_STRING && value != NULL ? (const char *)value : "";

    switch (status) {
    case WMLB_STATUS_PROGRESS:
        memcpy(&run->progress, value, len < sizeof run->progress ? len : sizeof run->progress);
        if (!run->quiet)
            show_progress(run);
        break;
    case WMLB_STATUS_RESTRICTED_LICENSE:
    case WMLB_STATUS_LICENSE_SKIPPED:
        if (run->quiet)
            break;
        clear_bar(run);
        fputs(status == WMLB_STATUS_LICENSE_SKIPPED ? "left out: " : "may not be backed up: ",
              stderr);
        print_plain(stderr, text);
        if (WMLB_FAILED(hr))
            fprintf(stderr, " (%s)", wmlb_hresult_name(hr));
        fputc('\n', stderr);
        break;
    case WMLB_STATUS_ERROR_WITHURL:
        clear_bar(run);
        fputs("see: ", stderr);
        print_plain(stderr, text);
        fputc('\n', stderr);
        break;
    default:
        break;
    }
    fflush(stderr);
    return WMLB_S_OK;
}

typedef wmlb_hresult start_function(struct wmlb_restorer *, uint32_t, wmlb_status_callback,
                                    void *);

static int operate(start_function *start, uint32_t flags, bool quiet, const char *verb)
{
    struct run run = {.bar = isatty(STDERR_FILENO) != 0, .quiet = quiet};
    wmlb_hresult result = WMLB_E_FAIL;
    wmlb_hresult hr = start(wmlb_default_restorer(), flags, on_status, &run);

    if (WMLB_FAILED(hr))
        return complain(hr);
    while ((hr = wmlb_wait(50, &result)) == WMLB_E_TIMEOUT)
        if (signalled)
            wmlb_restorer_cancel(wmlb_default_restorer());
    clear_bar(&run);
    if (WMLB_FAILED(hr))
        return complain(hr);
    if (WMLB_FAILED(result) && result != WMLB_NS_E_DRM_STORE_NOTALLSTORED)
        return complain(result);
    if (!quiet) {
        printf("%s %" PRIu64 " licenses", verb, run.progress.licenses_done);
        if (run.progress.licenses_restricted > 0)
            printf(", %" PRIu64 " may not be backed up", run.progress.licenses_restricted);
        if (run.progress.licenses_skipped > 0)
            printf(", %" PRIu64 " left out", run.progress.licenses_skipped);
        putchar('\n');
    }
    return exit_code(result);
}

/* A JSON string; the library gives UTF-8. */
static void print_json(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    putchar('"');
    for (; *at != 0; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < 0x20 || *at == 0x7F)
            printf("\\u%04x", *at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void print_json_member(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    print_json(text);
}

static void print_json_time(const char *name, int64_t time)
{
    if (time != INT64_MIN)
        printf(", \"%s\": %" PRId64, name, time);
    else
        printf(", \"%s\": null", name);
}

struct listing {
    bool json;
    uint64_t count;
};

static const char *right_name(int32_t right)
{
    return right == WMLB_RIGHT_ALLOWED  ? "allowed"
           : right == WMLB_RIGHT_DENIED ? "denied"
                                        : "not stated";
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    struct listing *listing = user_data;

    if (!listing->json) {
        if (listing->count++ == 0)
            printf("%12s %-10s %-11s %s\n", "BYTES", "FORMAT", "BACKUP", "NAME");
        printf("%12" PRIu64 " %-10s %-11s ", license->size, license->format,
               right_name(license->backup_right));
        print_plain(stdout, license->name);
        putchar('\n');
    } else {
        printf("%s{\"name\": ", listing->count++ == 0 ? "\n" : ",\n");
        print_json(license->name);
        if (strlen(license->name) != license->name_len ||
            memcmp(license->name, license->name_bytes, license->name_len) != 0) {
            fputs(", \"name_hex\": \"", stdout);
            for (size_t i = 0; i < license->name_len; i++)
                printf("%02x", license->name_bytes[i]);
            putchar('"');
        }
        print_json_member("format", license->format);
        print_json_member("license_id", license->license_id);
        print_json_member("key_ids", license->key_ids);
        print_json_member("backup_right", right_name(license->backup_right));
        printf(", \"size\": %" PRIu64, license->size);
        print_json_time("modified", license->modified);
        print_json_time("valid_from", license->valid_from);
        print_json_time("valid_until", license->valid_until);
        putchar('}');
    }
    return signalled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

static wmlb_hresult on_store(const wmlb_store_info *store, void *user_data)
{
    struct listing *listing = user_data;

    if (!listing->json) {
        const char *running = store->running > 0 ? "yes" : store->running == 0 ? "no" : "?";
        if (listing->count++ == 0)
            printf("%-16s %-20s %-8s %-10s %s\n", "PLAYER", "PROFILE", "RUNNING", "KIND", "PATH");
        printf("%-16s ", store->player);
        print_plain(stdout, store->profile);
        printf(" %-8s %-10s ", running, store->kind);
        print_plain(stdout, store->path);
        putchar('\n');
    } else {
        printf("%s{\"player\": ", listing->count++ == 0 ? "\n" : ",\n");
        print_json(store->player);
        print_json_member("profile", store->profile);
        print_json_member("kind", store->kind);
        print_json_member("path", store->path);
        printf(", \"running\": %s}",
               store->running > 0 ? "true" : store->running == 0 ? "false" : "null");
    }
    return signalled || ferror(stdout) ? WMLB_NS_E_DRM_OPERATION_CANCELED : WMLB_S_OK;
}

static int wrong_usage(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "wmlb: %s%s\nTry: wmlb%s%s --help\n", what, which, *command ? " " : "",
            command);
    return USAGE;
}

enum { LONGEST_FILE = 1 << 16 };

/* Sets a property to a file's content, or first line. Neither is left in memory. */
static int set_secret(const char *name, const char *path, bool first_line)
{
    static char text[LONGEST_FILE];
    bool input = strcmp(path, "-") == 0;
    FILE *file = input ? stdin : fopen(path, "rb");
    wmlb_hresult hr;
    size_t len;
    int code = DONE;

    if (file == NULL) {
        fprintf(stderr, "wmlb: cannot open %s: %s\n", path, strerror(errno));
        return FAILED;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy in a buffer of stdio's */
    len = fread(text, 1, sizeof text, file);
    if (ferror(file) || len == sizeof text) {
        fprintf(stderr, "wmlb: %s %s\n", path, ferror(file) ? "cannot be read" : "is too long");
        code = FAILED;
    } else {
        char *end = first_line ? memchr(text, '\n', len) : NULL;
        if (end != NULL)
            len = (size_t)(end - text);
        if (first_line && len > 0 && text[len - 1] == '\r')
            len--;
        hr = wmlb_set_prop(name, WMLB_TYPE_STRING, (const uint8_t *)text, len);
        code = WMLB_FAILED(hr) ? complain(hr) : DONE;
    }
    for (volatile char *at = text; at < text + sizeof text; at++)
        *at = 0;
    if (!input)
        fclose(file);
    return code;
}

struct arguments {
    const char *path, *store, *passphrase, *identity;
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
static int configure(const struct arguments *arguments)
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
    if (arguments->passphrase != NULL)
        code = set_secret(WMLB_PROP_PASSPHRASE, arguments->passphrase, true);
    if (code == DONE && arguments->identity != NULL)
        code = set_secret(WMLB_PROP_IDENTITIES, arguments->identity, false);
    return code;
}

static int list(const char *command, const struct arguments *arguments)
{
    struct listing listing = {.json = (arguments->given & BIT(JSON)) != 0};
    wmlb_hresult hr;

    if (listing.json)
        putchar('[');
    if (strcmp(command, "stores") == 0)
        hr = wmlb_discover_stores(on_store, &listing);
    else if (arguments->path != NULL)
        hr = wmlb_restorer_enumerate_backup(wmlb_default_restorer(), on_license, &listing);
    else
        hr = wmlb_restorer_enumerate_store(wmlb_default_restorer(), on_license, &listing);
    if (listing.json)
        puts(listing.count > 0 ? "\n]" : "]");
    if (WMLB_FAILED(hr) && !ferror(stdout))
        return complain(hr);
    return DONE;
}

static int run_command(const char *command, const struct arguments *arguments)
{
    uint32_t flags = 0;
    wmlb_hresult hr = WMLB_S_OK;
    bool quiet = (arguments->given & BIT(QUIET)) != 0;
    bool backup = strcmp(command, "backup") == 0;
    int code = configure(arguments);

    if (code != DONE)
        return code;
    if (arguments->path != NULL)
        hr = backup ? wmlb_set_backup_path(arguments->path)
                    : wmlb_set_restore_path(arguments->path);
    if (WMLB_FAILED(hr))
        return complain(hr);
    if (backup) {
        flags |= arguments->given & BIT(FORCE) ? WMLB_BACKUP_OVERWRITE : 0;
        flags |= arguments->given & BIT(PARTIAL) ? WMLB_BACKUP_PARTIAL : 0;
        flags |= arguments->given & BIT(VERIFY) ? WMLB_BACKUP_VERIFY : 0;
        return operate(wmlb_restorer_backup_licenses, flags, quiet, "backed up");
    }
    if (strcmp(command, "restore") == 0) {
        flags |= arguments->given & BIT(FORCE) ? WMLB_RESTORE_OVERWRITE : 0;
        flags |= arguments->given & BIT(INDIVIDUALIZE) ? WMLB_RESTORE_INDIVIDUALIZE : 0;
        return operate(wmlb_restorer_restore_licenses, flags, quiet, "restored");
    }
    if (strcmp(command, "verify") == 0)
        return operate(wmlb_restorer_verify_backup, 0, quiet, "verified");
    return list(command, arguments);
}

/* Reads the options after the command's name; DONE, or the code to end with. */
static int read_arguments(const struct command *command, int argc, char **argv,
                          struct arguments *arguments)
{
    int option, wanted;
    char *end;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?' || !(command->options & BIT(option)))
            return wrong_usage(command->name, "not an option here, or without its value: ",
                               argv[optind - 1]);
        arguments->given |= BIT(option);
        switch (option) {
        case STORE: arguments->store = optarg; break;
        case PASSPHRASE: arguments->passphrase = optarg; break;
        case IDENTITY: arguments->identity = optarg; break;
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

int main(int argc, char **argv)
{
    struct arguments arguments = {.path = NULL};
    const struct command *command = NULL;
    const char *name = argc > 1 ? argv[1] : "";
    int code;

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
            catch_signals();
            code = run_command(command->name, &arguments);
        }
    }
    free(arguments.recipients);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == DONE) {
        fputs("wmlb: standard output cannot be written\n", stderr);
        code = FAILED;
    }
    return code;
}
