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

#include "abuse_callbacks.h"
#include "abuse_surroundings.h"

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

static wmlb_generation_callback of_generations(caller *c)
{
    return below(c, 8) == 0 ? NULL : on_generation;
}

static wmlb_hresult backup_info(caller *c)
{
    return wmlb_restorer_backup_info(c->restorer, of_generations(c), c);
}

static wmlb_hresult enumerate_generations(caller *c)
{
    return wmlb_restorer_enumerate_generations(c->restorer, of_generations(c), c);
}

static wmlb_hresult forget_generations(caller *c)
{
    return wmlb_restorer_forget_generations(c->restorer, of_generations(c), c);
}

static wmlb_hresult compare(caller *c)
{
    return wmlb_restorer_compare(c->restorer, below(c, 8) == 0 ? NULL : on_difference, c);
}

static wmlb_hresult set_authorizer(caller *c)
{
    return wmlb_restorer_set_authorizer(c->restorer, below(c, 2) ? NULL : authorize, c->restorer);
}

static wmlb_hresult set_rights(caller *c)
{
    return wmlb_restorer_set_rights(c->restorer, below(c, 2) ? NULL : right, c->restorer);
}

static wmlb_hresult set_filter(caller *c)
{
    return wmlb_restorer_set_filter(c->restorer, below(c, 2) ? NULL : choose, c->restorer);
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

static wmlb_hresult discover_places(caller *c)
{
    return wmlb_discover_places(below(c, 8) == 0 ? NULL : on_store, c);
}

/* Takes a target away again; a made-up one is none. */
static wmlb_hresult set_target(caller *c)
{
    wmlb_target_ops ops = {.struct_size = (size_t)below(c, 64)};

    return wmlb_restorer_set_target(c->restorer, below(c, 2) ? NULL : &ops, c);
}

static wmlb_hresult set_target_fd(caller *c)
{
    return wmlb_restorer_set_target_fd(c->restorer, -1 - (int32_t)below(c, 1000));
}

static wmlb_queue *no_queue(caller *c)
{
    return below(c, 2) ? NULL : (wmlb_queue *)(uintptr_t)(bits(c) | 1u << 31);
}

/* A whole life of one. */
static wmlb_hresult queue_create(caller *c)
{
    wmlb_queue *queue = NULL;
    wmlb_event event = {.struct_size = sizeof event};
    wmlb_hresult hr = wmlb_queue_create(below(c, 8) == 0 ? NULL : &queue);
    int32_t fd;

    if (WMLB_FAILED(hr))
        return hr;
    (void)!wmlb_queue_push((int32_t)below(c, 40), WMLB_S_OK, WMLB_TYPE_DWORD, NULL, 0, queue);
    if (below(c, 2))
        (void)!wmlb_queue_fd(queue, &fd);
    (void)!wmlb_queue_next(queue, 0, &event);
    if (below(c, 2))
        (void)!wmlb_queue_cancel(queue);
    return wmlb_queue_release(queue);
}

static wmlb_hresult queue_push(caller *c)
{
    return wmlb_queue_push((int32_t)bits(c), (wmlb_hresult)bits(c), 0, NULL, 0, no_queue(c));
}

static wmlb_hresult queue_next(caller *c)
{
    wmlb_event event = {.struct_size = sizeof event};

    return wmlb_queue_next(no_queue(c), 0, below(c, 8) == 0 ? NULL : &event);
}

static wmlb_hresult queue_fd(caller *c)
{
    int32_t fd;

    return wmlb_queue_fd(no_queue(c), below(c, 8) == 0 ? NULL : &fd);
}

static wmlb_hresult queue_cancel(caller *c)
{
    return wmlb_queue_cancel(no_queue(c));
}

static wmlb_hresult queue_release(caller *c)
{
    return wmlb_queue_release(no_queue(c));
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
    ON_A_RESTORER(backup_info),
    ON_A_RESTORER(enumerate_generations),
    ON_A_RESTORER(forget_generations),
    ON_A_RESTORER(compare),
    ON_A_RESTORER(set_authorizer),
    ON_A_RESTORER(set_rights),
    ON_A_RESTORER(set_filter),
    ON_A_RESTORER(set_store),
    ON_A_RESTORER(release),
    {"wmlb_restorer_create", create, NO_RESTORER, 0},
    ALONE(default_restorer),
    ALONE(discover_stores),
    ALONE(discover_places),
    ON_A_RESTORER(set_target),
    ON_A_RESTORER(set_target_fd),
    ALONE(queue_create),
    ALONE(queue_push),
    ALONE(queue_next),
    ALONE(queue_fd),
    ALONE(queue_cancel),
    ALONE(queue_release),
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
    if ((function->call == discover_stores || function->call == discover_places) && below(c, 8) != 0)
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

static unsigned long of_threads(unsigned long *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

int main(int count, char **arguments)
{
    wmlb_hresult result = WMLB_S_OK;
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
    NEED(wmlb_wait(UINT32_MAX, &result) >= 0);
    until_threads_are(threads_before);

    /* Threads of restorers that were released in a callback were waited for by nobody. */
    CHECK(of_threads(&calls_made) >= rooms);
    CHECK(of_threads(&defects) == 0);
    CHECK(of_threads(&not_refused) == 0);
    CHECK(entries("/proc/self/fd") == files_before);
    for (j = 0; calls >= 5000 && j < FUNCTIONS; j++)
        check_(of_threads(&functions[j].called) > 0, __FILE__, __LINE__, "%s was not called",
               functions[j].name);
    for (i = 0; i < 4; i++)
        CHECK(temporary_files(i) == 0);
    NEED(chdir("/") == 0);
    if (contained)
        umount2(workspace, MNT_DETACH);
    end_workspace();
    printf("%lu calls, %lu bad handles, %lu not refused, %lu operations, %lu to their end, %s\n",
           of_threads(&calls_made), of_threads(&bad_handles), of_threads(&not_refused),
           of_threads(&ended) + of_threads(&failed), of_threads(&ended),
           contained ? "contained" : "not contained");
    return checks_failed == 0 ? 0 : 1;
}
