/* The switches and their values. */

#include "manners.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct switches switches = {
    .file_mode = UNSET,
    .dir_mode = UNSET,
    .owner = UNSET,
    .nlink = UNSET,
    .full = UNSET,
    .full_late = UNSET,
    .readdir_fail = UNSET,
};

enum kind { ERROR, LOCKS, NUMBER, LONG, OCTAL, TEXT };

static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} SWITCHES[] = {
#define SWITCH(name, kind) {#name "=", kind, offsetof(struct switches, name)}
    /* These calls fail with the error that is named. */
    SWITCH(chmod, ERROR),
    SWITCH(chown, ERROR),
    SWITCH(utimens, ERROR),
    SWITCH(link, ERROR),
    SWITCH(rename, ERROR),
    SWITCH(rename_flags, ERROR),  /* with any flag */
    SWITCH(exchange, ERROR),      /* with RENAME_EXCHANGE */
    SWITCH(rename_folder, ERROR), /* of a folder */
    SWITCH(rename_over, ERROR),   /* onto something that is there */
    SWITCH(rename_across, ERROR), /* from one folder to another */
    SWITCH(rename_open, ERROR),   /* of a file that somebody has open */
    SWITCH(unlink, ERROR),
    SWITCH(unlink_open, ERROR), /* of a file that somebody has open */
    SWITCH(rmdir, ERROR),
    SWITCH(mkdir, ERROR),
    SWITCH(create, ERROR),
    SWITCH(write, ERROR),
    SWITCH(fsync, ERROR),
    SWITCH(fsyncdir, ERROR),
    SWITCH(flush, ERROR), /* close of a file that was written to */
    SWITCH(statfs, ERROR),
    SWITCH(xattr, ERROR),
    SWITCH(unlinked, NUMBER), /* 1: what is open, and has no name any more, cannot be used */
    /* Without these two the kernel has the locks, and no other mount knows of them. "shared": the
       server has them. */
    SWITCH(flock, LOCKS),
    SWITCH(lock, LOCKS),
    /* 1: says that it is done, and it is not. */
    SWITCH(drop_utimens, NUMBER),
    SWITCH(drop_omit, NUMBER), /* with UTIME_OMIT */
    SWITCH(drop_chmod, NUMBER),
    /* What each look at a file tells. */
    SWITCH(file_mode, OCTAL),
    SWITCH(dir_mode, OCTAL),
    SWITCH(owner, NUMBER),
    SWITCH(nlink, NUMBER),
    SWITCH(time_step, NUMBER), /* seconds */
    SWITCH(time_skew, NUMBER), /* of the server's clock, seconds */
    SWITCH(ctime_now, NUMBER),
    SWITCH(size_pad, NUMBER),  /* so much more than there is */
    SWITCH(size_zero, NUMBER), /* as in /proc */
    SWITCH(size_late, NUMBER), /* so many looks after it was written still tell 0 */
    SWITCH(dtype_unknown, NUMBER),
    SWITCH(ino, TEXT),         /* "name", "mount" or "cache": what the numbers change with */
    SWITCH(listing, TEXT),     /* "snapshot": of the moment it was opened; "once" */
    SWITCH(stale, NUMBER),     /* so many listings still have what was removed */
    SWITCH(readdir_fail, NUMBER), /* after so many names */
    /* Names. */
    SWITCH(fold, TEXT),   /* "case" or "accents" are all one */
    SWITCH(strip, NUMBER), /* dots and blanks at the end are dropped */
    SWITCH(refuse, TEXT), /* characters that no name may have */
    SWITCH(utf8, NUMBER), /* what is not UTF-8 is refused */
    SWITCH(name_max, NUMBER),
    SWITCH(room, TEXT), /* a folder from and to which nothing is moved or linked */
    /* Room, and what comes in pieces. */
    SWITCH(full, LONG),      /* bytes that can be written */
    SWITCH(full_late, LONG), /* the same, told when the file is closed */
    SWITCH(brief, NUMBER),   /* bytes that one read or write takes */
    SWITCH(direct, NUMBER),  /* past the kernel's memory */
    SWITCH(lease, NUMBER),   /* so often a file cannot be opened without waiting */
    /* For tests. */
    SWITCH(gate, TEXT), /* a file that says how many moves pass as long as it is there; a pipe
                           beside it, ".reached", tells when the next one has come */
    SWITCH(hidden, TEXT), /* a folder for files that are unlinked while they are open */
    SWITCH(torn, TEXT),   /* the name of a file that is just being rewritten */
};
enum { SWITCH_COUNT = sizeof SWITCHES / sizeof SWITCHES[0] };

static int error_number(const char *word)
{
    enum { HIGHEST = 133 };
    if (strcmp(word, "ENOTSUP") == 0)
        return EOPNOTSUPP;
    for (int number = 1; number <= HIGHEST; number++) {
        const char *name = strerrorname_np(number);
        if (name != NULL && strcmp(name, word) == 0)
            return number;
    }
    return 0;
}

static int set(enum kind kind, void *where, const char *value)
{
    char *end = "";
    switch (kind) {
    case LOCKS:
    case ERROR:
        *(int *)where = kind == LOCKS && strcmp(value, "shared") == 0 ? SHARED : error_number(value);
        return *(int *)where != 0;
    case NUMBER:
        *(int *)where = (int)strtol(value, &end, 10);
        break;
    case OCTAL:
        *(int *)where = (int)strtol(value, &end, 8);
        break;
    case LONG:
        *(long *)where = strtol(value, &end, 10);
        break;
    case TEXT:
        *(char **)where = strdup(value);
        break;
    }
    return *end == '\0';
}

static int on_argument(void *data, const char *argument, int key, struct fuse_args *rest)
{
    char **folder = data;
    (void)rest;
    if (key == FUSE_OPT_KEY_NONOPT && *folder == NULL) {
        *folder = strdup(argument);
        return 0;
    }
    for (int index = 0; key == FUSE_OPT_KEY_OPT && index < SWITCH_COUNT; index++) {
        size_t length = strlen(SWITCHES[index].name);
        if (strncmp(argument, SWITCHES[index].name, length) == 0) {
            if (set(SWITCHES[index].kind, (char *)&switches + SWITCHES[index].offset,
                    argument + length))
                return 0;
            fprintf(stderr, "no such value: %s\n", argument);
            return -1;
        }
    }
    return 1;
}

int parse_switches(struct fuse_args *arguments, char **folder)
{
    if (fuse_opt_parse(arguments, folder, NULL, on_argument) != 0)
        return -1;
    /* The kernel's memory would hide these. */
    if (switches.brief != 0 || switches.size_zero || switches.torn != NULL)
        switches.direct = 1;
    return 0;
}
