/* The folders of a store, and what the kernel tells of their changes: inotify(7). */
#ifndef WMLB_FOLDERS_H
#define WMLB_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A folder that is watched. */
struct folder {
    int number;       /* the kernel's */
    unsigned look;    /* in which it was found last */
    bool has_backups; /* it is where the backups go */
    bool is_beside;   /* it holds a store that is a file, and others */
};

struct folders {
    const char *store, *backups; /* paths */
    char *database;              /* the name of a store that is a file */
    int queue;                   /* to be polled; -1: there is none */
    struct folder *list;         /* in the order of their numbers */
    size_t count;
    unsigned look;
    bool there;      /* the store, at the last look */
    bool look_again; /* what is watched may not be all of it any more */
    int failure;     /* an errno: why not all of it can be watched; 0: it can */
    bool counts;     /* what a look finds, since not all of it can be watched */
    uint64_t found;
    struct stat store_status, backups_status;
};

/* Begins to watch; paths stay the caller's. To be ended. */
struct folders begin_folders(const char *store, const char *backups);
void end_folders(struct folders *folders);

/* Reads what the kernel has told; whether it was about a change of the store. */
bool read_changes(struct folders *folders);

/* Looks at the whole store and watches all of its folders. Whether there were new ones. */
bool look(struct folders *folders);

/* Finds what the kernel does not tell: that another store is at the path, since file systems were
 * mounted or folders above it moved, and changes in what cannot be watched. */
bool glance(struct folders *folders);

#endif
