/*
 * What the C tests share: named checks, a small store, a folder to work in, and a status
 * callback that writes down what it is told and can be held at an event.
 */

#ifndef WMLB_TEST_HARNESS_H
#define WMLB_TEST_HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wmlb.h"

#define TIMED_OUT WMLB_HRESULT_FROM_WIN32(258)
#define TOO_SMALL WMLB_HRESULT_FROM_WIN32(122)

/* ---- checks: from any thread ---- */

static const char *test_name = "?";
static unsigned long checks_made;
static unsigned long checks_failed;

/* Where failed checks are reported: stderr, unless a test needs that for itself. */
static FILE *checks_report;

static inline FILE *report_(void)
{
    return checks_report != NULL ? checks_report : stderr;
}

static inline int check_(int holds, const char *file, int line, const char *format, ...)
{
    __atomic_fetch_add(&checks_made, 1, __ATOMIC_RELAXED);
    if (!holds) {
        va_list arguments;
        char text[1024];
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        __atomic_fetch_add(&checks_failed, 1, __ATOMIC_RELAXED);
        fprintf(report_(), "FAIL %s: %s:%d: %s\n", test_name, file, line, text);
    }
    return holds;
}

#define CHECK(condition) check_(!!(condition), __FILE__, __LINE__, "%s", #condition)

#define CHECK_HR(call, expected)                                                          \
    do {                                                                                  \
        wmlb_hresult got_ = (call), want_ = (expected);                                   \
        check_(got_ == want_, __FILE__, __LINE__, "%s is 0x%08X (%s), not 0x%08X (%s)",   \
               #call, (unsigned)got_, wmlb_hresult_name(got_), (unsigned)want_,           \
               wmlb_hresult_name(want_));                                                 \
    } while (0)

#define CHECK_TEXT(text, expected)                                                        \
    do {                                                                                  \
        const char *got_ = (text), *want_ = (expected);                                   \
        check_(strcmp(got_, want_) == 0, __FILE__, __LINE__, "%s is \"%s\", not \"%s\"",  \
               #text, got_, want_);                                                       \
    } while (0)

/* For what the test itself needs: without it there is nothing to test. */
#define NEED(condition)                                                                   \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(report_(), "FAIL %s: %s:%d: needed: %s (%s)\n", test_name, __FILE__,  \
                    __LINE__, #condition, strerror(errno));                               \
            abort();                                                                      \
        }                                                                                 \
    } while (0)

/* ---- files ---- */

static char workspace[256];

static inline int remove_one_(const char *path, const struct stat *stat, int kind,
                              struct FTW *place)
{
    (void)stat;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void remove_tree(const char *path)
{
    nftw(path, remove_one_, 16, FTW_DEPTH | FTW_PHYS);
}

/* A new folder of this process's own, that end_workspace() removes. */
static inline void begin_workspace(void)
{
    const char *parent = getenv("TMPDIR");
    NEED(snprintf(workspace, sizeof workspace, "%s/wmlb-c-XXXXXX",
                  parent && *parent ? parent : "/tmp") < (int)sizeof workspace);
    NEED(mkdtemp(workspace) != NULL);
}

static inline void end_workspace(void)
{
    remove_tree(workspace);
}

/* The path of something in the workspace; good until the eighth call after it, for one
   thread at a time. */
static inline const char *in_workspace(const char *format, ...)
{
    static char paths[8][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    int length = snprintf(path, PATH_MAX, "%s/", workspace);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, (size_t)(PATH_MAX - length), format, arguments);
    va_end(arguments);
    return path;
}

static inline void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    NEED(file != NULL);
    NEED(fwrite(bytes, 1, length, file) == length);
    NEED(fclose(file) == 0);
}

static inline int is_there(const char *path)
{
    struct stat stat;
    return lstat(path, &stat) == 0;
}

/* How many entries a folder has; 0 when there is no such folder. */
static inline int entries(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int count = 0;
    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

/* A store of `count` licenses, some of them in folders; every one of `size` bytes. */
static inline void make_store(const char *path, int count, size_t size)
{
    char name[PATH_MAX + 64];
    char *bytes = malloc(size + 1);
    int i;
    size_t j;
    NEED(bytes != NULL);
    NEED(mkdir(path, 0700) == 0);
    for (i = 0; i < count; i++) {
        int folder = i % 4;
        if (folder == 0) {
            snprintf(name, sizeof name, "%s/license-%05d", path, i);
        } else {
            snprintf(name, sizeof name, "%s/player-%d", path, folder);
            NEED(mkdir(name, 0700) == 0 || errno == EEXIST);
            snprintf(name, sizeof name, "%s/player-%d/license-%05d", path, folder, i);
        }
        for (j = 0; j < size; j++)
            bytes[j] = (char)((unsigned)i * 31u + (unsigned)j * 7u);
        write_file(name, bytes, size);
    }
    free(bytes);
}

/* ---- the process ---- */

static inline void *end_at_once(void *unused)
{
    return unused;
}

static inline int threads_of_process(void)
{
    static int sanitizers_has_begun;
    pthread_t thread;
    /* The thread sanitizer has a thread of its own, from the first other one on. */
    if (!sanitizers_has_begun) {
        sanitizers_has_begun = 1;
        NEED(pthread_create(&thread, NULL, end_at_once, NULL) == 0);
        NEED(pthread_join(thread, NULL) == 0);
    }
    return entries("/proc/self/task");
}

/* A thread that was joined may be listed by the kernel for a moment more. */
static inline void until_threads_are(int count)
{
    while (threads_of_process() > count)
        sched_yield();
}

/* The exit code of a child, or minus the signal that ended it. */
static inline int child_result(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        NEED(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs `body` in a forked child, whose checks must hold. One that hangs is ended by
   SIGALRM. */
static inline int in_child(void (*body)(void))
{
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        checks_failed = 0;
        alarm(30);
        body();
        _exit(checks_failed == 0 ? 0 : 1);
    }
    return child_result(child);
}

#define CHECK_CHILD(body)                                                                 \
    do {                                                                                  \
        int got_ = in_child(body);                                                       \
        check_(got_ == 0, __FILE__, __LINE__, "a child ended with %d (a signal if < 0)",  \
               got_);                                                                     \
    } while (0)

/* ---- the status callback ---- */

#define MOST_EVENTS 512
#define NO_STATUS (-1)

typedef struct event {
    int32_t status;
    wmlb_hresult hr;
    int32_t type;
    int is_null;
    size_t length;
    char text[512];         /* a string, as far as it fits */
    wmlb_progress progress; /* when the value is one */
} event;

typedef struct recorder recorder;
struct recorder {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    event events[MOST_EVENTS];
    int count;
    int terminals;
    int inside;          /* calls at this moment */
    int overlapped;      /* ever more than one */
    pthread_t thread;    /* of the first call */
    int other_thread;    /* a call came on another one */
    int32_t hold_at;     /* the callback stops at this status ... */
    int held;            /* ... is there now ... */
    int let_go;          /* ... and may go on */
    int32_t answer_at;   /* what is answered to this status; 0 to the others */
    wmlb_hresult answer;
    int32_t act_at;      /* calls `act` at this status */
    void (*act)(recorder *);
    void *context;
};

static inline void recorder_init(recorder *recorder)
{
    memset(recorder, 0, sizeof *recorder);
    pthread_mutex_init(&recorder->lock, NULL);
    pthread_cond_init(&recorder->changed, NULL);
    recorder->hold_at = recorder->answer_at = recorder->act_at = NO_STATUS;
}

static inline void recorder_destroy(recorder *recorder)
{
    pthread_mutex_destroy(&recorder->lock);
    pthread_cond_destroy(&recorder->changed);
}

static inline int is_terminal(int32_t status)
{
    return status == WMLB_STATUS_ERROR || status == WMLB_STATUS_BACKUPRESTORE_END ||
           status == WMLB_STATUS_ERROR_WITHURL;
}

static inline wmlb_hresult record(int32_t status, wmlb_hresult hr, int32_t type,
                                  const uint8_t *value, size_t length, void *user_data)
{
    recorder *recorder = user_data;
    wmlb_hresult answer;
    int acts;

    pthread_mutex_lock(&recorder->lock);
    if (recorder->count == 0)
        recorder->thread = pthread_self();
    else if (!pthread_equal(recorder->thread, pthread_self()))
        recorder->other_thread = 1;
    if (recorder->inside++ > 0)
        recorder->overlapped = 1;
    if (recorder->count < MOST_EVENTS) {
        event *event = &recorder->events[recorder->count];
        event->status = status;
        event->hr = hr;
        event->type = type;
        event->is_null = value == NULL;
        event->length = length;
        if (value != NULL && type == WMLB_TYPE_STRING) {
            size_t kept = length < sizeof event->text ? length : sizeof event->text - 1;
            memcpy(event->text, value, kept);
            /* The NUL after a string is not counted, but it is there. */
            CHECK(value[length] == 0);
        }
        if (value != NULL && type == WMLB_TYPE_BINARY && length == sizeof event->progress)
            memcpy(&event->progress, value, length);
    }
    recorder->count++;
    recorder->terminals += is_terminal(status);
    pthread_cond_broadcast(&recorder->changed);
    if (status == recorder->hold_at && !recorder->let_go) {
        recorder->held = 1;
        pthread_cond_broadcast(&recorder->changed);
        while (!recorder->let_go)
            pthread_cond_wait(&recorder->changed, &recorder->lock);
        recorder->held = 0;
    }
    acts = status == recorder->act_at && recorder->act != NULL;
    answer = status == recorder->answer_at ? recorder->answer : WMLB_S_OK;
    pthread_mutex_unlock(&recorder->lock);

    if (acts)
        recorder->act(recorder);

    pthread_mutex_lock(&recorder->lock);
    recorder->inside--;
    pthread_cond_broadcast(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
    return answer;
}

static inline void until_held(recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    while (!recorder->held)
        pthread_cond_wait(&recorder->changed, &recorder->lock);
    pthread_mutex_unlock(&recorder->lock);
}

static inline void let_go(recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    recorder->let_go = 1;
    pthread_cond_broadcast(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
}

static inline const event *last_event(const recorder *recorder)
{
    return &recorder->events[recorder->count - 1];
}

/* A restorer whose store and backup folder are set. */
static inline wmlb_restorer *new_restorer(const char *store, const char *backup)
{
    wmlb_restorer *restorer = NULL;
    NEED(wmlb_restorer_create(&restorer) == WMLB_S_OK);
    NEED(wmlb_restorer_set_store_path(restorer, store) == WMLB_S_OK);
    NEED(wmlb_restorer_set_backup_path(restorer, backup) == WMLB_S_OK);
    return restorer;
}

static inline void set_threads(wmlb_restorer *restorer, uint32_t threads)
{
    NEED(wmlb_restorer_set_prop(restorer, WMLB_PROP_THREADS, WMLB_TYPE_DWORD,
                                (const uint8_t *)&threads, sizeof threads) == WMLB_S_OK);
}

/* The restorer's last error, as far as it fits. */
static inline const char *last_error(wmlb_restorer *restorer)
{
    static char words[4096];
    size_t length = sizeof words;
    words[0] = 0;
    CHECK_HR(wmlb_restorer_get_last_error(restorer, words, &length), WMLB_S_OK);
    return words;
}

static inline int summary(const char *program)
{
    printf("%s: %lu checks, %lu failed\n", program, checks_made, checks_failed);
    return checks_failed == 0 ? 0 : 1;
}

#endif
