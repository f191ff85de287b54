/*
 * What abuse.c calls with: random numbers, memory that ends where it may not be touched,
 * strings, handles.
 */
#ifndef ABUSE_VALUES_H
#define ABUSE_VALUES_H

#include "../c/harness.h"

#include <stdint.h>
#include <sys/mman.h>

#define SLOTS 8
#define STALE 32
#define ROOM 8192
#define MOST_THREADS 64

static wmlb_restorer *slots[SLOTS];
static wmlb_restorer *stale[STALE];
static int contained;
static unsigned long calls_made, bad_handles, not_refused, defects;
static unsigned long ended, failed;

typedef struct caller {
    uint64_t seed;
    uint8_t *edge; /* the end of the room, before the page that nobody may touch */
    wmlb_restorer *restorer;
    int is_bad;    /* the restorer is surely none */
    int is_plain;  /* the function takes no restorer */
    int depth;
} caller;

/* The restorer in whose callback this thread is: of the others none may be released there, as
   two such callbacks would wait for each other. */
static __thread wmlb_restorer *inside;
static __thread caller *self;

static uint64_t bits(caller *c)
{
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 7;
    c->seed ^= c->seed << 17;
    return c->seed * 2685821657736338717u;
}

static uint32_t below(caller *c, uint32_t bound)
{
    return (uint32_t)((bits(c) >> 33) % bound);
}

/* ---- memory that ends at the forbidden page ---- */

static void new_room(caller *c)
{
    uint8_t *room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                         -1, 0);
    NEED(room != MAP_FAILED);
    NEED(mprotect(room + ROOM, 4096, PROT_NONE) == 0);
    c->edge = room + ROOM;
}

static void drop_room(caller *c)
{
    munmap(c->edge - ROOM, ROOM + 4096);
}

static void *last_bytes(caller *c, size_t length)
{
    return c->edge - length;
}

static void *maybe(caller *c, void *pointer)
{
    return below(c, 8) == 0 ? NULL : pointer;
}

/* ---- strings ---- */

static const char *const names[] = {
    "BackupPath", "RestorePath", "StorePath", "Passphrase", "Recipients", "Identities",
    "CompressionLevel", "Threads", "Niceness", "UnstatedRights", "", "backuppath", "Threads ",
    "%n%s%n", "\xff\xfe", "../Threads", "\n", "Pass\xc3phrase",
};

static const char *const paths[] = {
    "store", "store", "store", "backup-0", "backup-1", "backup-2", "backup-3", "missing",
    "backup-0/licenses.wmlb", "no-folder/below", "a-file", "a-file/below", "loop", "a-link",
    "a-pipe", "database", "", ".", "./store/../store", "store/", "caf\xc3\xa9", "\xff\xfe",
    "new\nline", "%n%s%n", "-rf",
};

static const char *const hostile_paths[] = {
    "/dev/null", "/dev/full", "/dev/zero", "/dev/null/below", "/proc/self/mem", "/proc/self/fd",
    "/etc/passwd", "/dev/tty", "/nowhere", "/proc/self/cwd/store", "/usr/include/stdio.h",
};

static const char *const texts[] = {
    "allow", "deny", "AGE-SECRET-KEY-1", "age1", "age1\nage1", "# nothing", "\xff\xff", "x",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
};

#define ONE_OF(c, list) ((list)[below(c, sizeof(list) / sizeof *(list))])

static const char *some_path(caller *c)
{
    return contained && below(c, 8) == 0 ? ONE_OF(c, hostile_paths) : ONE_OF(c, paths);
}

/* A string that ends where the room does. */
static const char *placed(caller *c, const char *text)
{
    size_t length = strlen(text) + 1;
    return memcpy(last_bytes(c, length), text, length);
}

static const char *a_path(caller *c)
{
    static char *huge;
    size_t length;
    char *text;
    switch (below(c, 32)) {
    case 0:
        return NULL;
    case 1: /* longer than any path may be */
        length = 4000 + below(c, 4000);
        text = memset(last_bytes(c, length), 'p', length);
        text[length - 1] = 0;
        return text;
    case 2: /* longer than any value may be */
        if (__atomic_load_n(&huge, __ATOMIC_ACQUIRE) == NULL) {
            text = malloc((1 << 20) + 2);
            NEED(text != NULL);
            memset(text, 'h', (1 << 20) + 1);
            text[(1 << 20) + 1] = 0;
            __atomic_store_n(&huge, text, __ATOMIC_RELEASE); /* one may be lost to a race */
        }
        return __atomic_load_n(&huge, __ATOMIC_ACQUIRE);
    default:
        return placed(c, some_path(c));
    }
}

static const char *a_name(caller *c)
{
    return below(c, 12) == 0 ? NULL : ONE_OF(c, names);
}

/* ---- handles ---- */

static wmlb_restorer *a_restorer(caller *c)
{
    wmlb_restorer *found = NULL;
    c->is_bad = 1;
    switch (below(c, 16)) {
    case 0:
        return NULL;
    case 1:
        found = __atomic_load_n(&stale[below(c, STALE)], __ATOMIC_ACQUIRE);
        return found;
    case 2:
        return (wmlb_restorer *)(uintptr_t)bits(c);
    case 3:
        return (wmlb_restorer *)(void *)c->edge;
    case 4:
        return (wmlb_restorer *)(uintptr_t)(below(c, 100000) + 1);
    case 5: /* almost one */
        found = __atomic_load_n(&slots[below(c, SLOTS)], __ATOMIC_ACQUIRE);
        return (wmlb_restorer *)((uintptr_t)found ^ ((uintptr_t)1 << below(c, 64)));
    case 6:
        c->is_bad = 0;
        return wmlb_default_restorer();
    default:
        c->is_bad = 0;
        return __atomic_load_n(&slots[below(c, SLOTS)], __ATOMIC_ACQUIRE);
    }
}

#endif
