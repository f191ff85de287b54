/*
 * Calls every function with whatever comes: NULLs, stale and made-up handles, sizes too small
 * and too large, hostile strings, from one thread or many, in callbacks too. What C itself
 * forbids is not done: a pointer is NULL or points to what the header says.
 *
 * A handle that is none must give WMLB_E_HANDLE, always. No call may crash, hang, write past
 * the end of a buffer (a page that nobody may touch follows each) or give WMLB_E_UNEXPECTED,
 * which stands for a defect. In the end nothing is left.
 *
 * usage: abuse CALLS THREADS SEED      one line: what was tried, and what came of it
 *        abuse --functions             the names of those that it calls
 *
 * Wherever it can (as root, or in a user namespace) it makes everything but its own folder
 * read-only for itself first; only then does it name paths such as /dev/null.
 */

#include "../c/harness.h"

#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>

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
        return huge;
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

/* ---- callbacks ---- */

static void call_something(caller *c);

static void saw(wmlb_hresult hr)
{
    if (hr == WMLB_E_UNEXPECTED)
        __atomic_fetch_add(&defects, 1, __ATOMIC_RELAXED);
}

/* Calls made in a callback, of the restorer `own` or, where that is NULL, on the caller's own
   thread; and the callback's answer. */
static wmlb_hresult abuse_inside(wmlb_restorer *own)
{
    static uint64_t turn;
    caller local, *c = self, *before = self;
    wmlb_restorer *inside_before = inside;
    wmlb_hresult answer;
    if (c == NULL) {
        memset(&local, 0, sizeof local);
        local.seed =
            0x9e3779b97f4a7c15u * (__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) + 1);
        c = &local;
    }
    if (c->depth >= 2 || below(c, 4) != 0)
        return below(c, 16) == 0 ? WMLB_E_FAIL : WMLB_S_OK;
    if (c == &local)
        new_room(c);
    self = c;
    if (inside == NULL)
        inside = own;
    c->depth++;
    call_something(c);
    c->depth--;
    inside = inside_before;
    self = before;
    answer = below(c, 8) == 0 ? (wmlb_hresult)bits(c) : WMLB_S_OK;
    if (c == &local)
        drop_room(c);
    return answer;
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    (void)type, (void)value, (void)length;
    saw(hr);
    if (is_terminal(status))
        __atomic_fetch_add(status == WMLB_STATUS_BACKUPRESTORE_END ? &ended : &failed, 1,
                           __ATOMIC_RELAXED);
    return abuse_inside(user_data);
}

static wmlb_hresult on_license(const wmlb_license_info *license, void *user_data)
{
    (void)license, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult on_store(const wmlb_store_info *store, void *user_data)
{
    (void)store, (void)user_data;
    return abuse_inside(NULL);
}

static wmlb_hresult authorize(const wmlb_restore_request *request, char *url, size_t length,
                              void *own)
{
    (void)request;
    memset(url, 'u', length); /* no NUL */
    return abuse_inside(own);
}

static int32_t right(const wmlb_license_info *license, void *own)
{
    (void)license;
    return abuse_inside(own);
}

/* A store that gives whatever it likes. What is passed along with it is the restorer. */

static wmlb_hresult open_store(void *own, int32_t writing)
{
    (void)writing;
    return abuse_inside(own);
}

static wmlb_hresult next_license(void *own, wmlb_store_license *license)
{
    static const char *const given[] = {"a", "b/c", "", "..", "/etc", "a/b", "x\xff"};
    static uint64_t turn;
    caller c = {0};
    c.seed = 0xd1342543de82ef95u * (__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) + 1);
    if (below(&c, 3) == 0)
        return WMLB_S_FALSE;
    license->name = (const uint8_t *)ONE_OF(&c, given);
    license->name_len = strlen((const char *)license->name);
    license->data = below(&c, 4) == 0 ? NULL : (const uint8_t *)"data";
    license->data_len = license->data == NULL && below(&c, 8) != 0 ? 0 : 4;
    license->modified = (int64_t)bits(&c);
    if (below(&c, 16) == 0)
        license->name = NULL;
    return abuse_inside(own);
}

static wmlb_hresult put_license(void *own, const wmlb_store_license *license)
{
    (void)license;
    return abuse_inside(own);
}

static wmlb_hresult commit_store(void *own)
{
    return abuse_inside(own);
}

static void close_store(void *own)
{
    abuse_inside(own);
}

/* ---- the functions ---- */

#define CALL0(what)                                                                       \
    (c->is_plain ? wmlb_##what() : wmlb_restorer_##what(c->restorer))
#define CALL(what, ...)                                                                   \
    (c->is_plain ? wmlb_##what(__VA_ARGS__)                                               \
                 : wmlb_restorer_##what(c->restorer, __VA_ARGS__))
/* What the status callback is to know: whose it is. */
#define OWN (c->is_plain ? wmlb_default_restorer() : c->restorer)
#define STATUS (below(c, 12) == 0 ? NULL : on_status)
#define FLAGS (below(c, 6) == 0 ? (uint32_t)bits(c) : (uint32_t)ONE_OF(c, flags))

static const uint32_t flags[] = {0, 0, 1, 1, 2, 256, 257, 512, 513, 769, 258};

/* So that not all operations are refused for what was set before. */
static void set_well(caller *c)
{
    wmlb_restorer *restorer = OWN;
    if (c->is_bad || below(c, 2))
        return;
    saw(wmlb_restorer_remove_all_props(restorer));
    saw(wmlb_restorer_set_store_path(restorer, "store"));
    saw(wmlb_restorer_set_backup_path(restorer, below(c, 2) ? "backup-0" : "backup-1"));
    saw(wmlb_restorer_set_restore_path(restorer, below(c, 2) ? "backup-0" : "backup-1"));
    if (below(c, 2))
        saw(wmlb_restorer_set_store(restorer, NULL, NULL));
}

static wmlb_hresult backup_licenses(caller *c)
{
    set_well(c);
    return CALL(backup_licenses, FLAGS, STATUS, OWN);
}

static wmlb_hresult restore_licenses(caller *c)
{
    set_well(c);
    return CALL(restore_licenses, FLAGS, STATUS, OWN);
}

static wmlb_hresult verify_backup(caller *c)
{
    set_well(c);
    return wmlb_restorer_verify_backup(c->restorer, below(c, 4) == 0 ? 1 : 0, STATUS, OWN);
}

static wmlb_hresult cancel_license_backup(caller *c)
{
    return CALL0(cancel_license_backup);
}

static wmlb_hresult cancel_license_restore(caller *c)
{
    return CALL0(cancel_license_restore);
}

static wmlb_hresult cancel(caller *c)
{
    return wmlb_restorer_cancel(c->restorer);
}

static wmlb_hresult wait_for(caller *c)
{
    static const uint32_t times[] = {0, 0, 1, 5, UINT32_MAX, UINT32_MAX - 1};
    wmlb_hresult *result = maybe(c, last_bytes(c, sizeof *result)), hr, before = 77;
    if (result != NULL)
        memcpy(result, &before, sizeof before);
    hr = CALL(wait, ONE_OF(c, times), result);
    if (hr != WMLB_S_OK && result != NULL && memcmp(result, &before, sizeof before) != 0)
        CHECK(!"the result is written on success only");
    if (hr == WMLB_S_OK && result != NULL)
        saw(*result);
    return hr;
}

static wmlb_hresult set_prop(caller *c)
{
    static const size_t lies[] = {SIZE_MAX, SIZE_MAX / 2 + 1, (size_t)1 << 21, (1 << 20) + 1};
    const char *name = a_name(c);
    int32_t type = below(c, 3) == 0 ? (int32_t)bits(c) : (int32_t)below(c, 8);
    uint8_t *value;
    size_t length, i;
    /* To be nice to the machine: a key that is derived takes a third of a second. */
    int is_costly = name != NULL && strcmp(name, "Passphrase") == 0 && below(c, 100) != 0;
    switch (below(c, 8)) {
    case 0: /* a length that nothing has */
        return CALL(set_prop, name, type, last_bytes(c, 1), ONE_OF(c, lies));
    case 1: /* any bytes, of any length */
        length = below(c, 600);
        value = last_bytes(c, length);
        for (i = 0; i < length; i++)
            value[i] = (uint8_t)bits(c);
        break;
    case 2:
        return CALL(set_prop, name, type, NULL, below(c, 100));
    case 3:
    case 4: { /* a number */
        uint32_t number = below(c, 3) == 0 ? (uint32_t)bits(c) : below(c, 20);
        length = sizeof number;
        value = memcpy(last_bytes(c, length), &number, length);
        type = WMLB_TYPE_DWORD;
        break;
    }
    default: {
        const char *text = below(c, 2) == 0 ? some_path(c) : ONE_OF(c, texts);
        length = strlen(text) + below(c, 2);
        value = memcpy(last_bytes(c, length), text, length);
        type = WMLB_TYPE_STRING;
    }
    }
    return CALL(set_prop, name, is_costly ? WMLB_TYPE_GUID : type, value, length);
}

/* Room for a value: NULL, or a few bytes up to the forbidden page, as *length says. */
static uint8_t *room(caller *c, size_t *length)
{
    *length = below(c, 3) == 0 ? below(c, 8) : below(c, 4097);
    return maybe(c, last_bytes(c, *length));
}

static wmlb_hresult get_prop_by_name(caller *c)
{
    size_t length;
    int32_t type;
    uint8_t *value = room(c, &length);
    return CALL(get_prop_by_name, a_name(c), maybe(c, &type), value, maybe(c, &length));
}

static wmlb_hresult get_prop_count(caller *c)
{
    return CALL(get_prop_count, maybe(c, last_bytes(c, sizeof(size_t) + below(c, 8))));
}

static wmlb_hresult get_prop_by_index(caller *c)
{
    size_t index = below(c, 8) == 0 ? (size_t)bits(c) : below(c, 12), name_length, length;
    int32_t type;
    uint8_t *value = room(c, &length);
    char name[40];
    name_length = below(c, sizeof name + 1);
    return CALL(get_prop_by_index, index, maybe(c, name + sizeof name - name_length),
                maybe(c, &name_length), maybe(c, &type), value, maybe(c, &length));
}

static wmlb_hresult remove_prop(caller *c)
{
    return CALL(remove_prop, a_name(c));
}

static wmlb_hresult remove_all_props(caller *c)
{
    return CALL0(remove_all_props);
}

static wmlb_hresult set_backup_path(caller *c)
{
    return CALL(set_backup_path, a_path(c));
}

static wmlb_hresult set_restore_path(caller *c)
{
    return CALL(set_restore_path, a_path(c));
}

static wmlb_hresult set_store_path(caller *c)
{
    return CALL(set_store_path, a_path(c));
}

static wmlb_hresult get_last_error(caller *c)
{
    size_t length;
    char *buffer = (char *)room(c, &length);
    wmlb_hresult hr = CALL(get_last_error, buffer, maybe(c, &length));
    if (hr == WMLB_S_OK && buffer != NULL && buffer[length - 1] != 0)
        CHECK(!"the words end in a NUL");
    return hr;
}

static wmlb_hresult get_progress(caller *c)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 12, 16, 55, 56, 57, 64, 4096, SIZE_MAX};
    size_t size = ONE_OF(c, sizes), whole = sizeof(wmlb_progress);
    size_t there = size < sizeof size ? sizeof size : size < whole ? size : whole;
    return wmlb_restorer_get_progress(
        c->restorer, maybe(c, memcpy(last_bytes(c, there), &size, sizeof size)));
}

static wmlb_hresult enumerate_store(caller *c)
{
    return wmlb_restorer_enumerate_store(c->restorer, below(c, 8) == 0 ? NULL : on_license, c);
}

static wmlb_hresult enumerate_backup(caller *c)
{
    return wmlb_restorer_enumerate_backup(c->restorer, below(c, 8) == 0 ? NULL : on_license, c);
}

static wmlb_hresult set_authorizer(caller *c)
{
    return wmlb_restorer_set_authorizer(c->restorer, below(c, 2) ? NULL : authorize, c->restorer);
}

static wmlb_hresult set_rights(caller *c)
{
    return wmlb_restorer_set_rights(c->restorer, below(c, 2) ? NULL : right, c->restorer);
}

static wmlb_hresult set_store(caller *c)
{
    wmlb_store_ops ops = {sizeof ops, open_store, next_license, put_license, commit_store,
                          close_store};
    size_t there = sizeof ops;
    switch (below(c, 8)) {
    case 0:
        there = ops.struct_size = sizeof(size_t) + below(c, sizeof ops - sizeof(size_t));
        break;
    case 1:
        ops.struct_size = sizeof ops + (below(c, 2) ? 1 : SIZE_MAX / 2);
        break;
    case 2:
        ops.struct_size = below(c, sizeof(size_t));
        there = sizeof(size_t);
        break;
    case 3:
        memset((uint8_t *)&ops + 8 * (1 + below(c, 5)), 0, 8);
        break;
    default:
        if (below(c, 2))
            return wmlb_restorer_set_store(c->restorer, NULL, NULL);
    }
    return wmlb_restorer_set_store(c->restorer, memcpy(last_bytes(c, there), &ops, there),
                                   c->restorer);
}

static wmlb_hresult create(caller *c)
{
    wmlb_restorer **out = maybe(c, last_bytes(c, sizeof *out + below(c, 8))), *made, *old;
    wmlb_hresult hr = wmlb_restorer_create(out);
    if (hr != WMLB_S_OK)
        return hr;
    memcpy(&made, out, sizeof made);
    saw(wmlb_restorer_set_store_path(made, "store"));
    saw(wmlb_restorer_set_backup_path(made, ONE_OF(c, paths)));
    saw(wmlb_restorer_set_restore_path(made, "backup-0"));
    old = __atomic_exchange_n(&slots[below(c, SLOTS)], made, __ATOMIC_ACQ_REL);
    /* In a callback none but its own may be released; the host forgets this one. */
    if (inside != NULL && inside != old)
        return hr;
    if (wmlb_restorer_release(old) == WMLB_S_OK)
        __atomic_store_n(&stale[below(c, STALE)], old, __ATOMIC_RELEASE);
    return hr;
}

static wmlb_hresult release(caller *c)
{
    wmlb_hresult hr;
    if (inside != NULL && !c->is_bad && c->restorer != inside)
        return WMLB_S_OK;
    hr = wmlb_restorer_release(c->restorer);
    if (hr == WMLB_S_OK)
        __atomic_store_n(&stale[below(c, STALE)], c->restorer, __ATOMIC_RELEASE);
    return hr;
}

static wmlb_hresult default_restorer(caller *c)
{
    (void)c;
    return wmlb_default_restorer() == NULL ? WMLB_E_UNEXPECTED : WMLB_S_OK;
}

static wmlb_hresult discover_stores(caller *c)
{
    return wmlb_discover_stores(below(c, 8) == 0 ? NULL : on_store, c);
}

/* Words that end, whatever was asked. */
static wmlb_hresult has_words(const char *words)
{
    return words != NULL && strlen(words) < 4096 ? WMLB_S_OK : WMLB_E_UNEXPECTED;
}

static wmlb_hresult version(caller *c)
{
    (void)c;
    return has_words(wmlb_version());
}

static wmlb_hresult abi_version(caller *c)
{
    (void)c;
    return wmlb_abi_version() == WMLB_ABI_VERSION ? WMLB_S_OK : WMLB_E_UNEXPECTED;
}

static wmlb_hresult hresult_name(caller *c)
{
    return has_words(wmlb_hresult_name((wmlb_hresult)bits(c)));
}

static wmlb_hresult hresult_message(caller *c)
{
    return has_words(wmlb_hresult_message((wmlb_hresult)bits(c)));
}

static wmlb_hresult status_name(caller *c)
{
    return has_words(wmlb_status_name(below(c, 2) ? (int32_t)bits(c) : (int32_t)below(c, 40)));
}

enum takes { NO_RESTORER, PLAIN, RESTORER };

static struct function {
    const char *name;
    wmlb_hresult (*call)(caller *);
    enum takes takes;
    unsigned long called;
} functions[] = {
#define BOTH(what, call)                                                                  \
    {"wmlb_" #what, call, PLAIN, 0}, {"wmlb_restorer_" #what, call, RESTORER, 0}
#define ON_A_RESTORER(what) {"wmlb_restorer_" #what, what, RESTORER, 0}
#define ALONE(what) {"wmlb_" #what, what, NO_RESTORER, 0}
    BOTH(backup_licenses, backup_licenses),
    BOTH(cancel_license_backup, cancel_license_backup),
    BOTH(restore_licenses, restore_licenses),
    BOTH(cancel_license_restore, cancel_license_restore),
    BOTH(wait, wait_for),
    BOTH(set_prop, set_prop),
    BOTH(get_prop_by_name, get_prop_by_name),
    BOTH(get_prop_count, get_prop_count),
    BOTH(get_prop_by_index, get_prop_by_index),
    BOTH(remove_prop, remove_prop),
    BOTH(remove_all_props, remove_all_props),
    BOTH(set_backup_path, set_backup_path),
    BOTH(set_restore_path, set_restore_path),
    BOTH(set_store_path, set_store_path),
    BOTH(get_last_error, get_last_error),
    ON_A_RESTORER(verify_backup),
    ON_A_RESTORER(cancel),
    ON_A_RESTORER(get_progress),
    ON_A_RESTORER(enumerate_store),
    ON_A_RESTORER(enumerate_backup),
    ON_A_RESTORER(set_authorizer),
    ON_A_RESTORER(set_rights),
    ON_A_RESTORER(set_store),
    ON_A_RESTORER(release),
    {"wmlb_restorer_create", create, NO_RESTORER, 0},
    ALONE(default_restorer),
    ALONE(discover_stores),
    ALONE(version),
    ALONE(abi_version),
    ALONE(hresult_name),
    ALONE(hresult_message),
    ALONE(status_name),
};

#define FUNCTIONS (sizeof functions / sizeof *functions)

static void call_something(caller *c)
{
    struct function *function = &functions[below(c, FUNCTIONS)];
    wmlb_restorer *restorer_before = c->restorer;
    int bad_before = c->is_bad, plain_before = c->is_plain, is_bad;
    wmlb_hresult hr;
    /* A search walks the whole home: less often. */
    if (function->call == discover_stores && below(c, 8) != 0)
        function = &functions[0];
    c->is_plain = function->takes == PLAIN;
    c->is_bad = 0;
    c->restorer = function->takes == RESTORER ? a_restorer(c) : NULL;
    is_bad = c->is_bad;
    hr = function->call(c);
    saw(hr);
    if (is_bad) {
        __atomic_fetch_add(&bad_handles, 1, __ATOMIC_RELAXED);
        if (hr != WMLB_E_HANDLE && __atomic_fetch_add(&not_refused, 1, __ATOMIC_RELAXED) < 5)
            check_(0, __FILE__, __LINE__, "%s on a handle that is none: %s", function->name,
                   wmlb_hresult_name(hr));
    }
    __atomic_fetch_add(&function->called, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&calls_made, 1, __ATOMIC_RELAXED);
    c->restorer = restorer_before;
    c->is_bad = bad_before;
    c->is_plain = plain_before;
}

static void *call_at_random(void *argument)
{
    caller *c = argument;
    unsigned long count = (unsigned long)c->depth;
    c->depth = 0;
    self = c;
    new_room(c);
    while (count-- > 0)
        call_something(c);
    drop_room(c);
    return NULL;
}

/* ---- the surroundings ---- */

/* A file system of its own in the workspace, and all else read-only. */
static int contain(void)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (unshare(CLONE_NEWNS) != 0) {
        uid_t user = getuid();
        gid_t group = getgid();
        char map[64];
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return 0;
        write_file("/proc/self/setgroups", "deny", 4);
        write_file("/proc/self/uid_map", map, (size_t)sprintf(map, "0 %u 1", user));
        write_file("/proc/self/gid_map", map, (size_t)sprintf(map, "0 %u 1", group));
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == 0 &&
           mount("abuse", workspace, "tmpfs", 0, "size=512m") == 0;
}

static void furnish(void)
{
    NEED(chdir(workspace) == 0);
    make_store("store", 5, 300);
    write_file("a-file", "a file", 6);
    NEED(symlink("loop", "loop") == 0 && symlink("store", "a-link") == 0);
    NEED(mkfifo("a-pipe", 0600) == 0);
    NEED(mkdir("home", 0700) == 0 && setenv("HOME", in_workspace("home"), 1) == 0);
    write_file("database", "SQLite format 3", 16);
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("WMLB_STORE_PATH");
    setenv("TMPDIR", workspace, 1);
}

/* Restores leave licenses in the folders, backups one file: none that begins with a dot. */
static int temporary_files(int number)
{
    char path[64];
    DIR *folder;
    struct dirent *entry;
    int found = 0;
    snprintf(path, sizeof path, "backup-%d", number);
    if ((folder = opendir(path)) == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        found += entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
                 strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return found;
}

int main(int count, char **arguments)
{
    pthread_t threads[MOST_THREADS];
    caller callers[MOST_THREADS];
    unsigned long calls, seed, rooms = 0;
    int of, i, threads_before, files_before;
    size_t j;

    if (count == 2 && strcmp(arguments[1], "--functions") == 0) {
        for (j = 0; j < FUNCTIONS; j++)
            puts(functions[j].name);
        return 0;
    }
    if (count != 4)
        return 2;
    calls = strtoul(arguments[1], NULL, 10);
    of = atoi(arguments[2]);
    seed = strtoul(arguments[3], NULL, 10);
    NEED(of > 0 && of <= MOST_THREADS);
    test_name = "abuse";
    fprintf(stderr, "abuse %lu %d %lu\n", calls, of, seed);
    begin_workspace();
    contained = contain();
    furnish();
    for (i = 0; i < SLOTS; i++)
        slots[i] = new_restorer("store", i % 2 ? "backup-1" : "backup-0");
    threads_before = threads_of_process();
    files_before = entries("/proc/self/fd");
    for (i = 0; i < of; i++) {
        memset(&callers[i], 0, sizeof callers[i]);
        callers[i].seed = (seed + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xbf58476d1ce4e5b9u;
        callers[i].depth = (int)(calls / (unsigned long)of);
        rooms += (unsigned long)callers[i].depth;
        NEED(pthread_create(&threads[i], NULL, call_at_random, &callers[i]) == 0);
    }
    for (i = 0; i < of; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < SLOTS; i++)
        wmlb_restorer_release(slots[i]);
    until_threads_are(threads_before);

    CHECK(calls_made >= rooms);
    CHECK(defects == 0);
    CHECK(not_refused == 0);
    CHECK(entries("/proc/self/fd") == files_before);
    for (j = 0; calls >= 5000 && j < FUNCTIONS; j++)
        check_(functions[j].called > 0, __FILE__, __LINE__, "%s was not called",
               functions[j].name);
    for (i = 0; i < 4; i++)
        CHECK(temporary_files(i) == 0);
    NEED(chdir("/") == 0);
    if (contained)
        umount2(workspace, MNT_DETACH);
    end_workspace();
    printf("%lu calls, %lu bad handles, %lu not refused, %lu operations, %lu to their end, %s\n",
           calls_made, bad_handles, not_refused, ended + failed, ended,
           contained ? "contained" : "not contained");
    return checks_failed == 0 ? 0 : 1;
}
