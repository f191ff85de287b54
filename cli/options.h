/* What the wmlb command is called with. */
#ifndef WMLB_OPTIONS_H
#define WMLB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes. */
enum { DONE = 0, FAILED = 1, USAGE = 2, NOT_ALL = 3, EXISTS = 4, LOCKED = 5, DAMAGED = 6,
       DIFFERENT = 7 };

/* The commands, as bits. */
enum {
    BACKUP = 1 << 0, RESTORE = 1 << 1, VERIFY = 1 << 2, LIST = 1 << 3, CAT = 1 << 4, INFO = 1 << 5,
    STORES = 1 << 6, HELP = 1 << 7, GENERATIONS = 1 << 8, FORGET = 1 << 9, DIFF = 1 << 10,
    WATCH = 1 << 11, DEVICES = 1 << 12, SAVES = BACKUP | WATCH
};

/* The options, as numbers: below 32, and no letter of one. */
enum {
    STORE = 1, EVERY_STORE, REPLACE, FORCE, EMPTY, REREAD, PARTIAL, CHECK, PASSPHRASE, RECIPIENT,
    IDENTITY, LEVEL, INDIVIDUALIZE, ALLOW_CLEAR, ONLY, KEEP, AT, DEVICE, GENERATION, DRY_RUN, JSON, QUIET,
    VERBOSE, HELP_OPTION, VERSION, SETTLE, NAMES, SAMPLE
};

#define GIVEN(arguments, option) (((arguments)->given >> (option) & 1u) != 0)

struct command {
    unsigned bit;
    const char *name;
    const char *summary;
    const char *operands; /* as usage shows them */
    int least, most;      /* operands */
    const char *purpose;  /* sentences */
};

struct option_row {
    int id;
    char letter; /* 0: none */
    const char *name;
    const char *value; /* NULL: it takes none */
    unsigned commands;
    const char *text;
};

/* Both end with a row whose name is NULL. An option has a row for each meaning, and no two of
 * them are of the same command. */
extern const struct command commands[];
extern const struct option_row options[];

/* The command of this name; NULL when there is none. */
const struct command *find_command(const char *name);

struct arguments {
    const struct command *command;
    const char *path, *store, *passphrase;
    const char *name; /* of cat */
    const char *keep; /* a rule */
    const char *device, *generation; /* in a bucket */
    const char *when; /* the time that was given for at */
    const char **identities; /* file names, NULL after the last */
    char *recipients, *only; /* one a line */
    uint32_t given;
    int64_t at; /* seconds since 1970 */
    double settle; /* seconds */
    uint32_t level;
    uint32_t sample; /* percent */
    bool is_unattended; /* nobody is asked */
};

/* Reads the arguments of main; DONE, or the code to end with. Options may stand before the
 * command. Where help or the version is asked for, the command may be NULL. */
int read_arguments(int argc, char **argv, struct arguments *arguments);

/* Says what is wrong with the arguments; USAGE. */
int wrong_usage(const char *command, const char *what, const char *which);

#endif
