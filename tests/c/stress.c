/*
 * Many threads call everything on the same few handles, live and stale ones, in an order
 * that nobody planned. What each call gives must be among what the header says of it;
 * every operation that started makes one terminal event, or none when it was released in
 * its own callback; and in the end nothing is left.
 */

#include "harness.h"

#define THREADS 8
#define SLOTS 6

static wmlb_restorer *slots[SLOTS];
static char store_path[PATH_MAX], other_store[PATH_MAX];
static int calls_of_each = 3000;

static unsigned long started, terminals, silenced, unexpected;

typedef struct operation {
    wmlb_restorer *restorer;
    int32_t answer_no, cancels, releases; /* at which event; -1: never */
    int32_t events;
} operation;

static void expect_(int expected, int line, wmlb_hresult hr)
{
    if (!expected && __atomic_fetch_add(&unexpected, 1, __ATOMIC_RELAXED) < 20)
        check_(0, __FILE__, line, "0x%08X (%s)", (unsigned)hr, wmlb_hresult_name(hr));
}

#define EXPECT(hr, ...)                                                                   \
    do {                                                                                  \
        const wmlb_hresult allowed_[] = {WMLB_E_HANDLE, __VA_ARGS__};                     \
        size_t i_;                                                                        \
        int found_ = 0;                                                                   \
        for (i_ = 0; i_ < sizeof allowed_ / sizeof *allowed_; i_++)                       \
            found_ |= (hr) == allowed_[i_];                                               \
        expect_(found_, __LINE__, hr);                                                    \
    } while (0)

static uint32_t next(uint32_t *seed, uint32_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % bound;
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *user_data)
{
    operation *operation = user_data;
    int32_t event = operation->events++;
    wmlb_restorer *restorer = operation->restorer;
    (void)type, (void)value, (void)length;

    if (is_terminal(status)) {
        EXPECT(hr, WMLB_S_OK, WMLB_NS_E_DRM_OPERATION_CANCELED, WMLB_NS_E_DRM_BACKUP_EXISTS,
               WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE);
        __atomic_fetch_add(&terminals, 1, __ATOMIC_RELAXED);
        free(operation);
        return WMLB_E_FAIL;
    }
    if (event == operation->cancels)
        wmlb_restorer_cancel(restorer);
    if (event == operation->releases) {
        int i;
        for (i = 0; i < SLOTS; i++) {
            wmlb_restorer *own = restorer;
            __atomic_compare_exchange_n(&slots[i], &own, NULL, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED);
        }
        /* Unless another thread was quicker; then the terminal event still comes. */
        if (wmlb_restorer_release(restorer) == WMLB_S_OK) {
            __atomic_fetch_add(&silenced, 1, __ATOMIC_RELAXED);
            free(operation);
            return WMLB_S_OK;
        }
    }
    return event == operation->answer_no ? WMLB_E_FAIL : WMLB_S_OK;
}

static void start(wmlb_restorer *restorer, uint32_t *seed)
{
    operation *operation = malloc(sizeof *operation);
    wmlb_hresult hr;
    NEED(operation != NULL);
    operation->restorer = restorer;
    operation->events = 0;
    operation->answer_no = (int32_t)next(seed, 8) - 4;
    operation->cancels = (int32_t)next(seed, 8) - 4;
    operation->releases = (int32_t)next(seed, 12) - 8;
    hr = wmlb_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, operation);
    EXPECT(hr, WMLB_S_OK, WMLB_NS_E_DRM_BACKUPRESTORE_BUSY, WMLB_NS_E_DRM_NOT_CONFIGURED);
    if (WMLB_SUCCEEDED(hr))
        __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
    else
        free(operation);
}

static void renew(uint32_t *seed)
{
    wmlb_restorer *made = NULL, *old;
    char folder[PATH_MAX + 64];
    uint32_t threads = next(seed, 3);
    wmlb_hresult hr = wmlb_restorer_create(&made);
    EXPECT(hr, WMLB_S_OK);
    snprintf(folder, sizeof folder, "%s/backup-%u", workspace, next(seed, 4));
    hr = wmlb_restorer_set_store_path(made, store_path);
    EXPECT(hr, WMLB_S_OK);
    hr = wmlb_restorer_set_backup_path(made, folder);
    EXPECT(hr, WMLB_S_OK);
    hr = wmlb_restorer_set_prop(made, WMLB_PROP_THREADS, WMLB_TYPE_DWORD,
                                (const uint8_t *)&threads, 4);
    EXPECT(hr, WMLB_S_OK);
    old = __atomic_exchange_n(&slots[next(seed, SLOTS)], made, __ATOMIC_ACQ_REL);
    hr = wmlb_restorer_release(old);
    EXPECT(hr, WMLB_S_OK);
}

static void *call_at_random(void *argument)
{
    uint32_t seed = 2463534242u + 977u * (uint32_t)(uintptr_t)argument;
    wmlb_restorer *stale = NULL;
    int i;
    for (i = 0; i < calls_of_each; i++) {
        wmlb_restorer *restorer =
            __atomic_load_n(&slots[next(&seed, SLOTS)], __ATOMIC_ACQUIRE);
        wmlb_hresult hr, result = 77;
        wmlb_progress progress;
        size_t size = 0, other = 0;
        int32_t type = 0;
        uint8_t value[PATH_MAX];
        char name[64];

        if (next(&seed, 10) == 0)
            restorer = stale;
        switch (next(&seed, 16)) {
        case 0:
            renew(&seed);
            break;
        case 1:
        case 2:
        case 3:
            start(restorer, &seed);
            break;
        case 4:
            hr = wmlb_restorer_cancel(restorer);
            EXPECT(hr, WMLB_S_OK, WMLB_S_FALSE);
            break;
        case 5:
            hr = wmlb_restorer_wait(restorer, next(&seed, 3), &result);
            EXPECT(hr, WMLB_S_OK, WMLB_S_FALSE, TIMED_OUT);
            if (hr != WMLB_S_OK && result != 77)
                CHECK(!"the result is written on success only");
            break;
        case 6:
            hr = wmlb_restorer_wait(restorer, UINT32_MAX, &result);
            EXPECT(hr, WMLB_S_OK, WMLB_S_FALSE);
            break;
        case 7:
            memset(&progress, 0, sizeof progress);
            progress.struct_size = sizeof progress;
            hr = wmlb_restorer_get_progress(restorer, &progress);
            EXPECT(hr, WMLB_S_OK);
            break;
        case 8:
            hr = wmlb_restorer_set_store_path(
                restorer, next(&seed, 8) == 0 ? other_store : store_path);
            EXPECT(hr, WMLB_S_OK);
            break;
        case 9:
            size = sizeof value;
            hr = wmlb_restorer_get_prop_by_name(restorer, "StorePath", &type, value, &size);
            EXPECT(hr, WMLB_S_OK);
            if (hr == WMLB_S_OK && (size > sizeof value || value[size - 1] != 0 ||
                                    value[0] != '/'))
                CHECK(!"a whole value");
            break;
        case 10:
            size = sizeof name;
            other = sizeof value;
            hr = wmlb_restorer_get_prop_by_index(restorer, next(&seed, 4), name, &size,
                                                 &type, value, &other);
            EXPECT(hr, WMLB_S_OK, WMLB_E_INVALIDARG);
            break;
        case 11:
            hr = wmlb_restorer_get_prop_count(restorer, &size);
            EXPECT(hr, WMLB_S_OK);
            break;
        case 12:
            size = sizeof value;
            hr = wmlb_restorer_get_last_error(restorer, (char *)value, &size);
            EXPECT(hr, WMLB_S_OK);
            break;
        case 13:
            hr = wmlb_restorer_set_prop(restorer, "Nonsense", 1, (const uint8_t *)"x", 1);
            EXPECT(hr, WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY);
            break;
        case 14:
            hr = wmlb_restorer_release(wmlb_default_restorer());
            EXPECT(hr, WMLB_E_ILLEGAL_METHOD_CALL);
            break;
        default:
            if (next(&seed, 4) == 0) {
                hr = wmlb_restorer_release(restorer);
                EXPECT(hr, WMLB_S_OK);
            }
            stale = restorer;
        }
    }
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    int i, before = threads_of_process();

    test_name = "stress";
    if (count > 1)
        calls_of_each = atoi(arguments[1]);
    begin_workspace();
    snprintf(store_path, sizeof store_path, "%s", in_workspace("store"));
    snprintf(other_store, sizeof other_store, "%s", in_workspace("no-store"));
    make_store(store_path, 20, 300);
    for (i = 0; i < THREADS; i++)
        NEED(pthread_create(&threads[i], NULL, call_at_random, (void *)(uintptr_t)i) == 0);
    for (i = 0; i < THREADS; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < SLOTS; i++)
        wmlb_restorer_release(slots[i]);
    until_threads_are(before);

    CHECK(unexpected == 0);
    CHECK(started > 0 && silenced > 0);
    check_(started == terminals + silenced, __FILE__, __LINE__,
           "%lu operations started, %lu terminal events, %lu released inside", started,
           terminals, silenced);
    for (i = 0; i < 4; i++) {
        const char *folder = in_workspace("backup-%d", i);
        /* The backup file, or nothing; no temporary file. */
        CHECK(entries(folder) == is_there(in_workspace("backup-%d/licenses.wmlb", i)));
    }
    end_workspace();
    printf("%d calls, %lu operations; ", THREADS * calls_of_each, started);
    return summary("stress");
}
