/* What the wmlb command is called with. */
#define _GNU_SOURCE /* getopt_long */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generations.h"
#include "options.h"
#include "print.h"
#include "words.h"

enum { MOST_OPTIONS = 32, MOST_SECONDS = 24 * 3600 };

const struct command *find_command(const char *name)
{
    for (const struct command *one = commands; one->name != NULL; one++)
        if (strcmp(one->name, name) == 0)
            return one;
    return NULL;
}

int wrong_usage(const char *command, const char *what, const char *which)
{
    begin_complaint();
    fputs(what, stderr);
    print_plain(stderr, which);
    fprintf(stderr, "\nTry: wmlb%s%s --help\n", *command ? " " : "", command);
    return USAGE;
}

static int no_memory(void)
{
    begin_complaint();
    fputs("there is no memory\n", stderr);
    return FAILED;
}

/* What getopt_long takes of a command, and the letters that it takes. */
struct known {
    struct option names[MOST_OPTIONS];
    char letters[2 * MOST_OPTIONS + 2];
};

static struct known known_of(unsigned command)
{
    struct known known = {.letters = ":"};
    size_t count = 0;
    char *letter = known.letters + 1;

    for (const struct option_row *row = options; row->name != NULL; row++) {
        if (!(row->commands & command))
            continue;
        known.names[count++] = (struct option){
            row->name, row->value != NULL ? required_argument : no_argument, NULL, row->id};
        if (row->letter != 0)
            *letter++ = row->letter;
        if (row->letter != 0 && row->value != NULL)
            *letter++ = ':';
    }
    return known;
}

/* The number of an option: getopt_long gives the letter of one that is given so. */
static int id_of(int option)
{
    for (const struct option_row *row = options; row->name != NULL; row++)
        if (row->letter == option)
            return row->id;
    return option;
}

static const char *long_name(int id)
{
    const struct option_row *row = options;

    while (row->id != id && row->name != NULL)
        row++;
    return row->name;
}

/* What getopt_long did not take: returned ':' or '?' for. */
static int wrong_option(const char *command, int returned, char **argv)
{
    char option[32] = "";
    bool is_letter = optopt >= 32;

    if (returned == ':') {
        snprintf(option, sizeof option, "--%s", long_name(id_of(optopt)));
        return wrong_usage(command, "a value is missing: ", option);
    }
    if (is_letter) {
        snprintf(option, sizeof option, "-%c", optopt);
        return wrong_usage(command, "not an option here: ", option);
    }
    return wrong_usage(command, "not an option here: ", argv[optind - 1]);
}

/* Whether the option of this name, which may be cut short, takes the argument that follows; the
 * option may be of any command. -1: there is none. */
static int takes_next(const char *name)
{
    size_t length = strcspn(name, "=");
    int found = -1;

    for (const struct option_row *row = options; row->name != NULL; row++)
        if (strncmp(row->name, name, length) == 0) {
            found = row->value != NULL && name[length] == 0;
            if (strlen(row->name) == length)
                break;
        }
    return found;
}

/* The same of letters. */
static int letters_take_next(const char *letters)
{
    for (; *letters != 0; letters++) {
        const struct option_row *row = options;

        while (row->name != NULL && row->letter != *letters)
            row++;
        if (row->name == NULL)
            return -1;
        if (row->value != NULL)
            return letters[1] == 0;
    }
    return 0;
}

/* Where the command is among the arguments: before it may be options. argc: nowhere. */
static int find_name(int argc, char **argv)
{
    int at = 1;

    while (at < argc && argv[at][0] == '-' && argv[at][1] != 0) {
        const char *option = argv[at];
        int takes = option[1] == '-' ? takes_next(option + 2) : letters_take_next(option + 1);

        if (takes < 0 || strcmp(option, "--") == 0)
            break;
        at += 1 + takes;
    }
    return at < argc ? at : argc;
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

/* A number from 1 to 100; the sign for percent may follow. */
static bool read_percent(const char *text, uint32_t *percent)
{
    char *end;

    if (!isdigit((unsigned char)*text) || strlen(text) > 4)
        return false;
    *percent = (uint32_t)strtoul(text, &end, 10);
    end += *end == '%';
    return *end == 0 && *percent >= 1 && *percent <= 100;
}

static int take_option(int id, int argc, struct arguments *arguments)
{
    const char **identity;
    char *end;

    arguments->given |= (uint32_t)1 << id;
    switch (id) {
    case STORE: arguments->store = optarg; break;
    case PASSPHRASE: arguments->passphrase = optarg; break;
    case IDENTITY:
        if (arguments->identities == NULL)
            arguments->identities = calloc((size_t)argc, sizeof *arguments->identities);
        if (arguments->identities == NULL)
            return no_memory();
        for (identity = arguments->identities; *identity != NULL;)
            identity++;
        *identity = optarg;
        break;
    case RECIPIENT: return add_line(&arguments->recipients, optarg) ? DONE : no_memory();
    case ONLY:
        if (*optarg == 0) /* it would be no choice */
            return wrong_usage(arguments->command->name, "a pattern is needed: ", "--only");
        return add_line(&arguments->only, optarg) ? DONE : no_memory();
    case KEEP: arguments->keep = optarg; break;
    case AT: arguments->when = optarg; break;
    case DEVICE: arguments->device = optarg; break;
    case GENERATION: arguments->generation = optarg; break;
    case LEVEL:
        arguments->level = (uint32_t)strtoul(optarg, &end, 10);
        if (*end != 0 || strlen(optarg) > 2 || arguments->level < 1 || arguments->level > 19)
            return wrong_usage(arguments->command->name, "not a level from 1 to 19: ", optarg);
        break;
    case SAMPLE:
        if (!read_percent(optarg, &arguments->sample))
            return wrong_usage(arguments->command->name, "not a percentage from 1% to 100%: ",
                               optarg);
        break;
    case SETTLE:
        arguments->settle = strtod(optarg, &end);
        if (*end != 0 || !isdigit((unsigned char)*optarg) || arguments->settle > MOST_SECONDS)
            return wrong_usage(arguments->command->name, "not a number of seconds: ", optarg);
        break;
    default: break;
    }
    return DONE;
}

/* The paths and names after the options. */
static int take_operands(int count, char **operands, struct arguments *arguments)
{
    const struct command *command = arguments->command;
    bool of_store = command->bit == LIST && arguments->store != NULL;
    int least = command->bit == LIST && !of_store ? 1 : command->least;
    int most = of_store ? 0 : command->most;

    if (count < least || count > most)
        return wrong_usage(command->name,
                           command->bit == WATCH ? "a store and a folder are needed"
                           : least == 2 ? "a backup and a name are needed"
                           : least == 1 ? "one path is needed"
                           : most == 1  ? "one command is enough" : "no path is needed", "");
    if (of_store && arguments->only != NULL)
        return wrong_usage(command->name, "not an option here: ", "--only");
    if (of_store && GIVEN(arguments, AT))
        return wrong_usage(command->name, "not an option here: ", "--at");
    if (arguments->when != NULL && !read_time(arguments->when, &arguments->at))
        return wrong_usage(command->name, "not a point in time: ", arguments->when);
    if (command->bit == FORGET && arguments->keep == NULL)
        return wrong_usage(command->name, "an option is missing: ", "--keep");
    if (GIVEN(arguments, EVERY_STORE) && arguments->store != NULL)
        return wrong_usage(command->name, "not both are possible: ", "--all and --store");
    if (command->bit == WATCH)
        arguments->store = *operands++;
    arguments->path = count > 0 ? operands[0] : NULL;
    arguments->name = command->bit == CAT ? operands[1] : NULL;
    return DONE;
}

/* Without a command. */
static int read_alone(int argc, char **argv, struct arguments *arguments)
{
    const char *first = argc > 1 ? argv[1] : "";

    if (strcmp(first, "-V") == 0 || strcmp(first, "--version") == 0)
        arguments->given = (uint32_t)1 << VERSION;
    else if (strcmp(first, "-h") == 0 || strcmp(first, "--help") == 0)
        arguments->given = (uint32_t)1 << HELP_OPTION;
    else if (*first == '-' && takes_next(first[1] == '-' ? first + 2 : "-") < 0 &&
             letters_take_next(first + 1) < 0)
        return wrong_usage("", "not an option here: ", first);
    else if (argc > 1)
        return wrong_usage("", "a command is needed", "");
    return DONE;
}

int read_arguments(int argc, char **argv, struct arguments *arguments)
{
    int at = find_name(argc, argv), option, code = DONE;
    const char *name = at < argc ? argv[at] : "";
    struct known known;

    if (at == argc || *name == '-')
        return read_alone(argc, argv, arguments);
    arguments->command = find_command(name);
    if (arguments->command == NULL)
        return wrong_usage("", "there is no command ", name);
    /* To the front, where getopt_long expects the name of what it reads for. */
    for (char *command = argv[at]; at > 0; at--)
        argv[at] = at > 1 ? argv[at - 1] : command;
    known = known_of(arguments->command->bit);
    opterr = 0;
    while (code == DONE &&
           (option = getopt_long(argc - 1, argv + 1, known.letters, known.names, NULL)) != -1)
        code = option == '?' || option == ':'
                   ? wrong_option(arguments->command->name, option, argv + 1)
                   : take_option(id_of(option), argc, arguments);
    if (code != DONE || GIVEN(arguments, HELP_OPTION))
        return code;
    return take_operands(argc - 1 - optind, argv + 1 + optind, arguments);
}
