/* What the wmlb command is called with. */
#ifndef WMLB_OPTIONS_H
#define WMLB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Exit codes. */
enum { DONE = 0, FAILED = 1, USAGE = 2, NOT_ALL = 3, EXISTS = 4, LOCKED = 5, DAMAGED = 6 };

enum {
    STORE = 1, REPLACE, FORCE, EMPTY, PARTIAL, VERIFY, PASSPHRASE, RECIPIENT, IDENTITY, LEVEL,
    INDIVIDUALIZE, ONLY, KEEP, AT, DRY_RUN, JSON, QUIET, VERBOSE, HELP
};

#define BIT(option) (1u << (option))

struct command {
    const char *name;
    unsigned options;
    const char *help;
};

/* The command of this name; NULL when there is none. */
const struct command *find_command(const char *name);

extern const char overview[];

struct arguments {
    const char *path, *store, *passphrase;
    const char *name; /* of cat */
    const char *keep; /* a rule */
    const char **identities; /* file names, NULL after the last */
    char *recipients, *only; /* one a line */
    unsigned given;
    int64_t at; /* seconds since 1970 */
    uint32_t level;
};

/* Reads the options after the command's name; DONE, or the code to end with. */
int read_arguments(const struct command *command, int argc, char **argv,
                   struct arguments *arguments);

/* Says what is wrong with the arguments; USAGE. */
int wrong_usage(const char *command, const char *what, const char *which);

#endif
