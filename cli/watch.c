/* Backups of a store whenever it has changed. */
#define _GNU_SOURCE /* ppoll */
#include "watch.h"

#ifdef __linux__
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wmlb.h>

#include "folders.h"
#include "json.h"
#include "operate.h"
#include "print.h"
#include "words.h"

enum {
    SETTLED = 3, /* seconds; what has changed within two of a backup, the next one reads again */
    /* So many times the seconds that a store must rest, and one at least, is one that never rests
     * waited for; as often is looked for what the kernel does not tell. */
    PATIENCE = 20,
    LONGEST_PAUSE = 3600 /* seconds until a backup that failed is tried again */
};
static const double NAP = 0.002;  /* in which a store may change as often as it likes */
static const double SOON = 0.1;

/* Moments are seconds of now(). */
struct watch {
    struct arguments backup; /* what each is made with */
    struct folders folders;
    bool json, quiet;
    double settle, patience;
    bool changed;        /* the last backup has not all */
    double first, last;  /* changes that it has not */
    double pause, retry; /* of a backup that failed: after how long and when it is tried again */
    double glance;       /* when one is due */
    bool told, told_there; /* what is watched, and that it was there */
    int told_failure;
};

/* Waits until the kernel tells of changes, for so many seconds at most, or for a signal. */
static void await_changes(int queue, double seconds)
{
    struct pollfd input = {.fd = queue, .events = POLLIN};
    nfds_t count = queue >= 0;
    struct timespec time = {.tv_sec = (time_t)seconds};
    sigset_t ends, before;

    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    /* A signal that comes between the look and the wait ends the wait. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, &before);
    if (!signaled)
        ppoll(&input, count, &time, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Why not all folders can be watched. */
static const char *reason_of(const struct folders *folders)
{
    switch (folders->failure) {
    case ENOSPC: return "the limit is fs.inotify.max_user_watches";
    case EMFILE: return folders->queue < 0 ? "the limit is fs.inotify.max_user_instances"
                                           : strerror(EMFILE);
    case ENAMETOOLONG: return "they are too deep";
    default: return strerror(folders->failure);
    }
}

/* Says what is watched, where that has changed. */
static void tell(struct watch *watch)
{
    const struct folders *folders = &watch->folders;
    bool all = folders->failure == 0;

    if (watch->told && watch->told_there == folders->there &&
        watch->told_failure == folders->failure)
        return;
    watch->told = true;
    watch->told_there = folders->there;
    watch->told_failure = folders->failure;
    if (watch->json) {
        struct object event = begin_object(stdout);

        add_text(&event, "event", folders->there ? "watching" : "waiting");
        add_text(&event, "store", folders->store);
        add_number(&event, "folders", folders->count);
        add_word(&event, "all", all ? "true" : "false");
        end_object(&event);
        putchar('\n');
    } else if (folders->there && all && !watch->quiet) {
        fputs("watching ", stdout);
        print_plain(stdout, folders->store);
        putchar('\n');
    }
    if (!folders->there) {
        begin_complaint();
        fputs("there is no store at ", stderr);
        print_plain(stderr, folders->store);
        fputs(": waiting for it\n", stderr);
    } else if (!all) {
        begin_complaint();
        fprintf(stderr, "not all folders of the store can be watched (%s): it is looked at every "
                "%g s instead\n", reason_of(folders), watch->patience);
    }
    fflush(stdout);
}

static void note_change(struct watch *watch)
{
    watch->last = now();
    if (!watch->changed)
        watch->first = watch->last;
    watch->changed = true;
}

/* When a backup is due. */
static double due(const struct watch *watch)
{
    double settled = watch->last + watch->settle, latest = watch->first + watch->patience;

    if (watch->changed)
        return settled < latest ? settled : latest;
    return watch->pause > 0 ? watch->retry : HUGE_VAL;
}

/* Backs the store up if it is there; the exit code. What failed is tried again, at longer and
 * longer intervals: an alarm should not fall silent. */
static int save(struct watch *watch)
{
    double pause = watch->pause > 0 ? 2 * watch->pause : watch->patience;
    int code = DONE;

    tell(watch);
    watch->changed = false;
    if (watch->folders.there) {
        code = back_up(&watch->backup);
        fflush(stdout);
    } else {
        watch->glance = 0; /* often from now on */
    }
    watch->pause = code == DONE || code == NOT_ALL ? 0
                   : pause < LONGEST_PAUSE         ? pause : LONGEST_PAUSE;
    watch->retry = now() + watch->pause;
    return code;
}

/* Does what is due, and waits for what comes next; the exit code of a backup. */
static int go_on(struct watch *watch)
{
    struct folders *folders = &watch->folders;
    int code = DONE;
    double until;

    if (now() >= due(watch)) {
        /* Folders that were not watched have been changing unseen: they settle too. */
        if (folders->look_again && look(folders) && watch->told &&
            now() < watch->first + watch->patience)
            note_change(watch);
        else
            code = save(watch);
    }
    if (now() >= watch->glance) {
        if (glance(folders))
            note_change(watch);
        until = folders->there ? watch->patience : watch->settle;
        watch->glance = now() + (until > SOON ? until : SOON);
    }
    until = due(watch) < watch->glance ? due(watch) : watch->glance;
    if (until > now())
        await_changes(folders->queue, until - now());
    if (read_changes(folders)) {
        note_change(watch);
        await_changes(-1, NAP);
    }
    return code;
}

int watch(const struct arguments *arguments)
{
    char *store = store_path();
    double settle = GIVEN(arguments, SETTLE) ? arguments->settle : SETTLED;
    struct watch watch = {
        .backup = *arguments,
        .json = GIVEN(arguments, JSON),
        .quiet = GIVEN(arguments, QUIET),
        .settle = settle,
        .patience = settle * PATIENCE > 1 ? settle * PATIENCE : 1,
        .changed = true, /* since a time long ago */
    };
    int code = DONE;

    if (store == NULL)
        return complain(WMLB_E_OUTOFMEMORY, GIVEN(arguments, VERBOSE));
    watch.backup.command = find_command("backup");
    watch.backup.given |= (uint32_t)1 << REPLACE;
    watch.backup.is_unattended = true;
    watch.folders = begin_folders(store, arguments->path);
    while (!signaled && code != USAGE)
        code = go_on(&watch);
    end_folders(&watch.folders);
    free(store);
    return signaled ? 128 + signaled : code;
}
#else
#include <stdio.h>

#include "words.h"

int watch(const struct arguments *arguments)
{
    (void)arguments;
    begin_complaint();
    fputs("this system does not tell of changes: wmlb watch needs Linux\n", stderr);
    return FAILED;
}
#endif
