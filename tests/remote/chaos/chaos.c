/*
 * Three writers at once in a bucket, again and again: any request meets any fault, any writer is
 * killed at any of its requests, and after each round it is checked that
 * - each HEAD took the place of the one that it names: nothing was replaced in silence;
 * - who was told of a success has one, and who was refused has none; of those that may not replace
 *   another's exactly the first has a success;
 * - after collection, a day later, there is what HEAD knows and nothing else, and what HEAD names
 *   is restored whole, and is its writer's.
 *
 *     chaos PORT SECONDS SEED honest|liar FOLDER [AT_ONCE]
 *     chaos write URL DEVICE STORE ID OVERWRITE     (one of the writers, in a process of its own)
 */
#include "chaos.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wmlb_remote.h>

#define MOST_ROUNDS 3   /* of one device */
#define LARGE_ONE_OF 400 /* devices, whose backups take several parts */
#define LARGE (9 << 20)

struct slot *slots;
size_t slots_count;

/* What goes on in a slot: its writers, in this process, and who looks at what they did. */
struct work {
    struct slot *slot;
    wmlb_remote *remotes[WRITERS], *looks, *later;
    wmlb_restorer *restorers[WRITERS], *reads;
    char url[200], restored[300];
    char stores[2][WRITERS][300]; /* small ones, large ones */
};

static const char *program, *folder;
static int port, through;
static uint64_t seed;
static bool honest;
static double end = 1e300;
static pthread_barrier_t ready; /* all have asked what the server is good for */
static _Atomic int rounds_begun, rounds_done;
static _Atomic unsigned long codes[6], backups;
static _Atomic bool lost;
static const char *const code_names[] = {"success", "exists", "timeout", "not implemented", "killed",
                                         "else"};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void must(wmlb_hresult hr, const char *what)
{
    if (hr != WMLB_S_OK) {
        fprintf(stderr, "%s: 0x%08x\n", what, (unsigned)hr);
        _exit(3);
    }
}

static wmlb_hresult ignore(int32_t status, wmlb_hresult hr, int32_t type, const uint8_t *value,
                           size_t len, void *user_data)
{
    (void)status, (void)hr, (void)type, (void)value, (void)len, (void)user_data;
    return WMLB_S_OK;
}

static void set_store(wmlb_restorer *restorer, const char *store)
{
    must(wmlb_restorer_set_prop(restorer, WMLB_PROP_STORE_PATH, WMLB_TYPE_STRING,
                                (const uint8_t *)store, strlen(store)),
         "StorePath");
}

static wmlb_hresult wait_for(wmlb_restorer *restorer, wmlb_hresult started)
{
    wmlb_hresult result = WMLB_E_FAIL;
    if (WMLB_FAILED(started))
        return started;
    must(wmlb_restorer_wait(restorer, UINT32_MAX, &result), "wait");
    return result;
}

/* A writer of its own, which may be killed. */
static int write_alone(char **arguments)
{
    wmlb_remote *remote;
    wmlb_restorer *restorer;
    must(wmlb_remote_open(arguments[0], &remote), "open");
    must(wmlb_remote_set_credentials(remote, arguments[3], "somesecret", NULL), "credentials");
    must(wmlb_restorer_create(&restorer), "create");
    set_store(restorer, arguments[2]);
    must(wmlb_remote_attach(remote, restorer, arguments[1], NULL), "attach");
    switch (wait_for(restorer, wmlb_restorer_backup_licenses(
                                   restorer, *arguments[4] == '1' ? WMLB_BACKUP_OVERWRITE : 0, ignore,
                                   NULL))) {
    case WMLB_S_OK:
        return 0;
    case WMLB_NS_E_DRM_BACKUP_EXISTS:
        return 10;
    case WMLB_E_TIMEOUT:
        return 11;
    case WMLB_E_NOTIMPL:
        return 12;
    default:
        return 13;
    }
}

static wmlb_hresult result_of(int status)
{
    static const wmlb_hresult results[] = {WMLB_NS_E_DRM_BACKUP_EXISTS, WMLB_E_TIMEOUT, WMLB_E_NOTIMPL};
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return code == 0 ? WMLB_S_OK : code >= 10 && code <= 12 ? results[code - 10] : WMLB_E_FAIL;
}

static void spawn(struct work *work, int writer, const char *device, const char *store, bool overwrite)
{
    struct slot *slot = work->slot;
    char id[40];
    char *arguments[] = {(char *)program, "write", work->url, (char *)device, (char *)store, id,
                         overwrite ? "1" : "0", NULL};
    extern char **environ;
    snprintf(id, sizeof id, "s%dw%d", slot->number, writer);
    /* The proxy does not look before the process is known. */
    pthread_mutex_lock(&slot->lock);
    if (posix_spawn(&slot->writers[writer].pid, program, NULL, NULL, arguments, environ))
        abort();
    pthread_mutex_unlock(&slot->lock);
}

static void count(const struct told *told)
{
    codes[told->killed                               ? 4
          : told->hr == WMLB_S_OK                    ? 0
          : told->hr == WMLB_NS_E_DRM_BACKUP_EXISTS  ? 1
          : told->hr == WMLB_E_TIMEOUT               ? 2
          : told->hr == WMLB_E_NOTIMPL               ? 3
                                                     : 5]++;
    backups++;
}

/* Which writers are killed, and when. */
static void plan_kills(struct work *work, bool is_large, const struct told *told, bool *apart)
{
    struct slot *slot = work->slot;
    for (int at = 0; at < WRITERS; at++) {
        /* One alone asks the server what it is good for, if it may not replace another's. */
        unsigned most = (told[at].overwrite ? 8 : 30) + (is_large ? 6 : 0);
        apart[at] = pick(&slot->random, 5) == 0;
        slot->writers[at].requests = 0;
        slot->writers[at].pid = 0;
        slot->writers[at].moment = apart[at] ? (enum moment)(1 + pick(&slot->random, 3)) : NEVER;
        slot->writers[at].kill_at = (unsigned)pick(&slot->random, most);
    }
}

static void write_all(struct work *work, struct life *life, bool is_large)
{
    struct slot *slot = work->slot;
    bool apart[WRITERS];
    wmlb_hresult started[WRITERS];
    unsigned kind = (unsigned)pick(&slot->random, 4);
    pthread_mutex_lock(&slot->lock);
    for (int at = 0; at < WRITERS; at++)
        life->told[at] = (struct told){.overwrite = kind && pick(&slot->random, 2)};
    plan_kills(work, is_large, life->told, apart);
    slot->faulty = pick(&slot->random, 10) > 0;
    pthread_mutex_unlock(&slot->lock);
    for (int at = 0; at < WRITERS; at++) {
        bool overwrite = life->told[at].overwrite;
        const char *store = work->stores[is_large][at];
        if (apart[at]) {
            spawn(work, at, life->device, store, overwrite);
            continue;
        }
        set_store(work->restorers[at], store);
        must(wmlb_remote_attach(work->remotes[at], work->restorers[at], life->device, NULL), "attach");
        started[at] = wmlb_restorer_backup_licenses(
            work->restorers[at], overwrite ? WMLB_BACKUP_OVERWRITE : 0, ignore, NULL);
    }
    for (int at = 0; at < WRITERS; at++) {
        int status = 0;
        if (!apart[at]) {
            char words[200] = "";
            size_t len = sizeof words;
            life->told[at].hr = wait_for(work->restorers[at], started[at]);
            if (WMLB_FAILED(life->told[at].hr) &&
                wmlb_remote_get_last_error(work->remotes[at], words, &len) == WMLB_S_OK)
                snprintf(life->told[at].words, sizeof life->told[at].words, "%s", words);
        } else {
            /* It stays a process until no request of it can have it killed. */
            siginfo_t ended;
            waitid(P_PID, (id_t)slot->writers[at].pid, &ended, WEXITED | WNOWAIT);
            pthread_mutex_lock(&slot->lock);
            waitpid(slot->writers[at].pid, &status, 0);
            slot->writers[at].pid = 0;
            slot->writers[at].moment = NEVER;
            pthread_mutex_unlock(&slot->lock);
            life->told[at].killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            life->told[at].hr = result_of(status);
        }
        count(&life->told[at]);
    }
    proxy_settle(slot);
}

static bool same_file(const char *one, const char *other, const char *name)
{
    static _Thread_local char contents[2][4096];
    size_t counts[2];
    const char *folders[] = {one, other};
    FILE *files[2];
    bool same = true;
    for (int at = 0; at < 2; at++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folders[at], name);
        files[at] = fopen(path, "rb");
        same = same && files[at];
    }
    while (same) {
        for (int at = 0; at < 2; at++)
            counts[at] = fread(contents[at], 1, sizeof contents[at], files[at]);
        same = counts[0] == counts[1] && !memcmp(contents[0], contents[1], counts[0]);
        if (!counts[0])
            break;
    }
    for (int at = 0; at < 2; at++)
        if (files[at])
            fclose(files[at]);
    return same;
}

/* Whether both folders have the same files, and removes those of the second. */
static bool same_files(const char *store, const char *restored)
{
    const char *folders[] = {store, restored};
    int counts[2] = {0, 0};
    bool same = true;
    for (int at = 0; at < 2; at++) {
        DIR *listed = opendir(folders[at]);
        struct dirent *entry;
        while (listed && (entry = readdir(listed))) {
            char path[600];
            if (entry->d_name[0] == '.')
                continue;
            counts[at]++;
            if (at == 0)
                same = same && same_file(store, restored, entry->d_name);
            snprintf(path, sizeof path, "%s/%s", restored, entry->d_name);
            if (at == 1)
                unlink(path);
        }
        if (listed)
            closedir(listed);
    }
    return same && counts[0] == counts[1] && counts[0] > 0;
}

/* What HEAD names is restored whole, and is what its writer has backed up. */
static bool check_restore(struct work *work, struct life *life, bool is_large)
{
    wmlb_hresult hr;
    int writer = owner(life);
    if (!life->chained)
        return true;
    if (writer < 0)
        return wrong(life, "nobody has written HEAD");
    must(wmlb_remote_attach(work->looks, work->reads, life->device, NULL), "attach");
    hr = wait_for(work->reads, wmlb_restorer_restore_licenses(work->reads, WMLB_RESTORE_INDIVIDUALIZE,
                                                              ignore, NULL));
    if (hr != WMLB_S_OK)
        return wrong(life, "what HEAD names is not restored: 0x%08x", (unsigned)hr);
    if (!same_files(work->stores[is_large][writer], work->restored))
        return wrong(life, "what was restored is not what writer %d has backed up", writer);
    return true;
}

static bool collect(struct work *work, struct life *life, wmlb_remote *remote, const char *keep,
                    wmlb_hresult *hr)
{
    *hr = wmlb_remote_forget(remote, life->device, keep, 0, NULL, NULL);
    return *hr == WMLB_S_OK || *hr == WMLB_S_FALSE ||
           wrong(life, "collection fails in %s: 0x%08x", work->url, (unsigned)*hr);
}

static bool check_collection(struct work *work, struct life *life, bool is_large)
{
    struct slot *slot = work->slot;
    wmlb_hresult hr;
    bool holds = true;
    if (pick(&slot->random, 4) == 0) {
        holds = collect(work, life, work->looks, "last=1", &hr);
        if (holds && hr != WMLB_S_FALSE)
            holds = wrong(life, "what is younger than a day was removed");
    }
    holds = holds && collect(work, life, work->later, NULL, &hr) && check_keys(life, true);
    if (holds && pick(&slot->random, 2) == 0)
        holds = collect(work, life, work->later, "last=1", &hr) && check_keys(life, false);
    return holds && check_restore(work, life, is_large);
}

/* All rounds of one device. */
static bool live(struct work *work)
{
    struct slot *slot = work->slot;
    char device[40];
    struct life life = {.slot = slot, .device = device, .port = port, .honest = honest};
    int round = ++rounds_begun;
    bool is_large = honest && pick(&slot->random, LARGE_ONE_OF) == 0;
    bool holds = true;
    slot->random = seed * 1000003 + (uint64_t)round;
    slot->count = 0;
    snprintf(device, sizeof device, "d%d", round);
    for (unsigned left = 1 + (unsigned)pick(&slot->random, MOST_ROUNDS); holds; round = ++rounds_begun) {
        slot->round = round;
        life.had_head = life.chained > 0;
        write_all(work, &life, is_large);
        holds = check_round(&life) && check_restore(work, &life, is_large);
        rounds_done++;
        if (--left == 0 || now() > end)
            break;
    }
    return holds && check_collection(work, &life, is_large) && remove_keys(&life);
}

static wmlb_remote *open_as(const char *url, int slot, const char *role)
{
    wmlb_remote *remote;
    char id[40];
    snprintf(id, sizeof id, "s%d%s", slot, role);
    must(wmlb_remote_open(url, &remote), "open");
    must(wmlb_remote_set_credentials(remote, id, "somesecret", NULL), "credentials");
    return remote;
}

static void make_store(char *path, size_t room, int slot, int writer, bool is_large)
{
    uint64_t random = (uint64_t)(slot * 100 + writer * 2 + is_large + 1);
    static char bytes[LARGE];
    snprintf(path, room, "%s/store%d-%d-%d", folder, slot, writer, is_large);
    mkdir(path, 0700);
    for (int at = 0; at < 2 + writer; at++) {
        char name[400];
        size_t size = is_large && at == 0 ? sizeof bytes : 100 + (size_t)at;
        FILE *file;
        for (size_t byte = 0; byte < size; byte++)
            bytes[byte] = (char)pick(&random, 256);
        snprintf(name, sizeof name, "%s/license %d", path, at);
        file = fopen(name, "wb");
        if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
            abort();
    }
}

static void prepare(struct work *work, int number)
{
    struct slot *slot = &slots[number];
    work->slot = slot;
    pthread_mutex_init(&slot->lock, NULL);
    pthread_cond_init(&slot->settled, NULL);
    slot->number = number;
    slot->random = seed + (uint64_t)number;
    snprintf(work->url, sizeof work->url,
             "s3://bucket/s%d?endpoint=http://127.0.0.1:%d&region=us-east-1&deadline=300", number, through);
    for (int at = 0; at < WRITERS; at++) {
        char role[3] = {'w', (char)('0' + at), 0};
        for (int large = 0; large < 2; large++)
            make_store(work->stores[large][at], sizeof work->stores[large][at], number, at, large);
        work->remotes[at] = open_as(work->url, number, role);
        must(wmlb_restorer_create(&work->restorers[at]), "create");
    }
    work->looks = open_as(work->url, number, "c");
    work->later = open_as(work->url, number, "l");
    snprintf(work->restored, sizeof work->restored, "%s/restored%d", folder, number);
    mkdir(work->restored, 0700);
    must(wmlb_restorer_create(&work->reads), "create");
    set_store(work->reads, work->restored);
}

static void *go_on(void *given)
{
    struct work *work = given;
    uint32_t capabilities;
    for (int at = 0; at < WRITERS; at++)
        must(wmlb_remote_probe(work->remotes[at], &capabilities), "probe");
    pthread_barrier_wait(&ready);
    while (now() < end && !lost)
        if (!live(given))
            lost = true;
    return NULL;
}

static void report(double begun)
{
    static const char *const kinds[KINDS] = {"probe", "HEAD read", "upload", "size", "HEAD write", "else"};
    double seconds = now() - begun;
    flockfile(stdout);
    printf("chaos: seed %llu: %d rounds in %.0f s (%.1f a second), %lu requests, %lu faults;",
           (unsigned long long)seed, rounds_done, seconds, rounds_done / seconds, requests_seen,
           faults_met);
    for (size_t at = 0; at < sizeof codes / sizeof *codes; at++)
        if (codes[at])
            printf(" %s %lu,", code_names[at], codes[at]);
    printf(" of %lu backups; killed at", backups);
    for (int at = 0; at < KINDS; at++)
        printf(" %s %lu%s", kinds[at], killed_at[at], at + 1 < KINDS ? "," : "");
    printf(": %s\n", lost ? "LOST" : "0 lost");
    fflush(stdout);
    funlockfile(stdout);
}

int main(int argc, char **argv)
{
    struct work *works;
    pthread_t *threads;
    double begun, told;
    program = "/proc/self/exe";
    if (argc == 7 && !strcmp(argv[1], "write"))
        return write_alone(argv + 2);
    if (argc < 6)
        return 2;
    port = atoi(argv[1]);
    seed = strtoull(argv[3], NULL, 10);
    honest = !strcmp(argv[4], "honest");
    folder = argv[5];
    slots_count = argc > 6 ? (size_t)atoi(argv[6]) : 8;
    setenv("HOME", folder, 1);
    unsetenv("XDG_STATE_HOME");
    slots = calloc(slots_count, sizeof *slots);
    works = calloc(slots_count, sizeof *works);
    threads = calloc(slots_count, sizeof *threads);
    through = proxy_start(port);
    if (!slots || !works || !threads || through < 0)
        return 3;
    for (size_t at = 0; at < slots_count; at++)
        prepare(&works[at], (int)at);
    pthread_barrier_init(&ready, NULL, (unsigned)slots_count + 1);
    for (size_t at = 0; at < slots_count; at++)
        if (pthread_create(&threads[at], NULL, go_on, &works[at]))
            return 3;
    pthread_barrier_wait(&ready);
    begun = told = now();
    end = begun + atof(argv[2]);
    while (now() < end && !lost) {
        sleep(1);
        if (now() > told + 60) {
            told = now();
            report(begun);
        }
    }
    for (size_t at = 0; at < slots_count; at++)
        pthread_join(threads[at], NULL);
    report(begun);
    return lost;
}
