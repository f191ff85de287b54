/* What the wmlb command is called with, and its help. */
#define _GNU_SOURCE /* getopt_long */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generations.h"
#include "options.h"
#include "print.h"

static const struct option known[] = {
    {"store", required_argument, NULL, STORE},
    {"replace", no_argument, NULL, REPLACE},
    {"force", no_argument, NULL, FORCE},
    {"empty", no_argument, NULL, EMPTY},
    {"partial", no_argument, NULL, PARTIAL},
    {"verify", no_argument, NULL, VERIFY},
    {"passphrase-file", required_argument, NULL, PASSPHRASE},
    {"recipient", required_argument, NULL, RECIPIENT},
    {"identity", required_argument, NULL, IDENTITY},
    {"level", required_argument, NULL, LEVEL},
    {"individualize", no_argument, NULL, INDIVIDUALIZE},
    {"only", required_argument, NULL, ONLY},
    {"keep", required_argument, NULL, KEEP},
    {"at", required_argument, NULL, AT},
    {"dry-run", no_argument, NULL, DRY_RUN},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"verbose", no_argument, NULL, VERBOSE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

#define COMMON (BIT(HELP))
#define KEYS (BIT(PASSPHRASE) | BIT(IDENTITY))

static const struct command commands[] = {
    {"backup",
     COMMON | BIT(STORE) | BIT(REPLACE) | BIT(FORCE) | BIT(EMPTY) | BIT(PARTIAL) | BIT(VERIFY) |
         BIT(KEEP) | BIT(PASSPHRASE) | BIT(IDENTITY) | BIT(RECIPIENT) | BIT(LEVEL) | BIT(QUIET),
     "usage: wmlb backup [OPTION...] FOLDER\n"
     "Saves the licenses of a store in FOLDER/" WMLB_BACKUP_FILE_NAME "; -: writes the backup to\n"
     "standard output.\n\n"
     "  --store PATH            the store; by default $WMLB_STORE_PATH, else wmlb/licenses\n"
     "                          in $XDG_DATA_HOME or ~/.local/share; those of players are\n"
     "                          shown by: wmlb stores\n"
     "  --replace               replace the backup that is there, unless it has more than twice\n"
     "                          the licenses of this one: then a terminal is asked\n"
     "  --force                 replace it without a question\n"
     "  --keep RULE             replace it as --replace does; it stays as\n"
     "                          licenses-YYYYMMDDThhmmssZ.wmlb until RULE wants it no more:\n"
     "                          any of last=N daily=N weekly=N monthly=N yearly=N\n"
     "  --empty                 replace it also by one without any license\n"
     "  --partial               leave out what cannot be read (exit code 3)\n"
     "  --verify                read the backup back from the disk\n"
     "  --passphrase-file FILE  encrypt with the first line of FILE; -: of standard input,\n"
     "                          where a terminal is asked for it\n"
     "  --recipient AGE1...     encrypt to a public key of age; may be given repeatedly\n"
     "  --identity FILE         secret keys of age, to look into the backup that is replaced; may\n"
     "                          be given repeatedly\n"
     "  --level N               compression, 1 to 19\n"
     "  --quiet                 only errors\n"},
    {"restore",
     COMMON | KEYS | BIT(STORE) | BIT(FORCE) | BIT(INDIVIDUALIZE) | BIT(ONLY) | BIT(AT) |
         BIT(QUIET),
     "usage: wmlb restore [OPTION...] BACKUP\n"
     "Brings the licenses of a backup (a folder or file; -: standard input) back into a store.\n\n"
     "  --store PATH            the store; by default $WMLB_STORE_PATH, else wmlb/licenses\n"
     "                          in $XDG_DATA_HOME or ~/.local/share; those of players are\n"
     "                          shown by: wmlb stores\n"
     "  --force                 replace licenses that differ\n"
     "  --individualize         also from another device\n"
     "  --only PATTERN          these licenses only: names (* and ? stand for any characters,\n"
     "                          [a-z] for one), key:ID or license:ID; may be given repeatedly\n"
     "  --at TIME               the newest backup in the folder that was not made after TIME:\n"
     "                          2026-11-30, '2026-11-30 04:48', 2026-11-30T04:48:51Z, or\n"
     "                          @ and seconds since 1970; a day or minute means its end\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"
     "  --quiet                 only errors\n"},
    {"verify", COMMON | KEYS | BIT(AT) | BIT(QUIET),
     "usage: wmlb verify [OPTION...] BACKUP\n"
     "Checks a backup (a folder or file; -: standard input) as a restore would, and restores\n"
     "nothing.\n\n"
     "  --at TIME               of the backups in the folder, the newest that was not made after\n"
     "                          TIME; see wmlb restore --help\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"
     "  --quiet                 only errors\n"},
    {"list", COMMON | KEYS | BIT(STORE) | BIT(ONLY) | BIT(AT) | BIT(JSON),
     "usage: wmlb list [OPTION...] BACKUP\n"
     "       wmlb list [OPTION...] --store PATH\n"
     "Shows the licenses in a backup (a folder or file; -: standard input) or store.\n\n"
     "  --json                  an array of objects; a name that is not UTF-8 has U+FFFD in\n"
     "                          \"name\", and its exact bytes, in hexadecimal, in \"name_hex\"\n"
     "  --only PATTERN          these licenses of a backup only, as for restore\n"
     "  --at TIME               of the backups in the folder, the newest that was not made after\n"
     "                          TIME; see wmlb restore --help\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"},
    {"cat", COMMON | KEYS | BIT(AT),
     "usage: wmlb cat [OPTION...] BACKUP NAME\n"
     "Writes one license of a backup to standard output.\n\n"
     "  --at TIME               of the backups in the folder, the newest that was not made after\n"
     "                          TIME; see wmlb restore --help\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for a backup to recipients; may be given\n"
     "                          repeatedly\n"},
    {"generations", COMMON | KEYS | BIT(JSON),
     "usage: wmlb generations [OPTION...] FOLDER\n"
     "Shows the backups in a folder: the last one and those that it and others replaced, the\n"
     "newest first. Restore, verify, list and cat take each by its path.\n\n"
     "  --json                  an array of objects\n"
     "  --passphrase-file FILE  the passphrase is the first line of FILE; -: of standard input\n"
     "  --identity FILE         secret keys of age, for backups to recipients; may be given\n"
     "                          repeatedly\n"},
    {"forget", COMMON | BIT(KEEP) | BIT(DRY_RUN) | BIT(JSON),
     "usage: wmlb forget --keep RULE [OPTION...] FOLDER\n"
     "Removes backups that were replaced and that a rule does not want, and says for each why it\n"
     "stays or goes. The last backup always stays.\n\n"
     "  --keep RULE             any of last=N daily=N weekly=N monthly=N yearly=N: the newest N\n"
     "                          backups, the newest of each of N days, and so on, in UTC; one\n"
     "                          that any part wants stays\n"
     "  --dry-run               say it, and remove nothing\n"
     "  --json                  an array of objects\n"},
    {"stores", COMMON | BIT(JSON) | BIT(VERBOSE),
     "usage: wmlb stores [--json] [--verbose]\n"
     "Shows the license stores that players have made for this user.\n\n"
     "  --verbose               also show the places where it looked for them\n"},
};

const char overview[] =
    "usage: wmlb COMMAND [OPTION...] [PATH]\n\n"
    "  backup       save the licenses of a store in a file\n"
    "  restore      bring them back\n"
    "  verify       check a backup\n"
    "  list         show the licenses in a backup or store\n"
    "  cat          write one license of a backup to standard output\n"
    "  generations  show the backups that a folder has\n"
    "  forget       remove those of them that a rule does not want\n"
    "  stores       show the stores of this user's players\n\n"
    "wmlb COMMAND --help, or wmlb help COMMAND, says more. -h is --help; wmlb -V or --version: the\n"
    "version.\n\n"
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 backed up, but not all; 4 there is a\n"
    "backup already; 5 passphrase or identity wrong or missing; 6 the file is damaged, or no\n"
    "backup; 130 interrupted (128 + signal).\n";

const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int wrong_usage(const char *command, const char *what, const char *which)
{
    fprintf(stderr, "wmlb: %s", what);
    print_plain(stderr, which);
    fprintf(stderr, "\nTry: wmlb%s%s --help\n", *command ? " " : "", command);
    return USAGE;
}

static int no_memory(void)
{
    fputs("wmlb: there is no memory\n", stderr);
    return FAILED;
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

/* Adds a line. */
static bool add_line(char **lines, const char *line)
{
    size_t before = *lines != NULL ? strlen(*lines) : 0;
    char *longer = realloc(*lines, before + strlen(line) + 2);

    if (longer == NULL)
        return false;
    *lines = longer;
    strcpy(longer + before, line);
    strcat(longer + before, "\n");
    return true;
}

int read_arguments(const struct command *command, int argc, char **argv,
                   struct arguments *arguments)
{
    struct option own[sizeof known / sizeof *known] = {{NULL, 0, NULL, 0}};
    size_t options = 0, identities = 0;
    int option, wanted;
    const char *when = NULL;
    char *end;

    for (const struct option *one = known; one->name != NULL; one++)
        if (command->options & BIT(one->val))
            own[options++] = *one;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", own, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_option(command, option, argv);
        option = option == 'h' ? HELP : option;
        arguments->given |= BIT(option);
        switch (option) {
        case STORE: arguments->store = optarg; break;
        case PASSPHRASE: arguments->passphrase = optarg; break;
        case IDENTITY:
            if (arguments->identities == NULL)
                arguments->identities = calloc((size_t)argc, sizeof *arguments->identities);
            if (arguments->identities == NULL)
                return no_memory();
            arguments->identities[identities++] = optarg;
            break;
        case RECIPIENT:
            if (!add_line(&arguments->recipients, optarg))
                return no_memory();
            break;
        case ONLY:
            if (!add_line(&arguments->only, optarg))
                return no_memory();
            break;
        case KEEP: arguments->keep = optarg; break;
        case AT: when = optarg; break;
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
                 ? 0 : strcmp(command->name, "cat") == 0 ? 2 : 1;
    if (argc - optind != wanted)
        return wrong_usage(command->name,
                           wanted == 2   ? "a backup and a name are needed"
                           : wanted == 1 ? "one path is needed" : "no path is needed", "");
    if (wanted == 0 && arguments->only != NULL)
        return wrong_usage(command->name, "not an option here: ", "--only");
    if (wanted == 0 && when != NULL)
        return wrong_usage(command->name, "not an option here: ", "--at");
    if (when != NULL && !read_time(when, &arguments->at))
        return wrong_usage(command->name, "not a point in time: ", when);
    if (strcmp(command->name, "forget") == 0 && arguments->keep == NULL)
        return wrong_usage(command->name, "an option is missing: ", "--keep");
    arguments->path = wanted > 0 ? argv[optind] : NULL;
    arguments->name = wanted > 1 ? argv[optind + 1] : NULL;
    return DONE;
}
