/*
 * Processes that fork, let go of the library, or exit at any moment of an operation. Each is a
 * child of its own, that loads the library when it runs; what it leaves is looked at.
 *
 * usage: endings LIBRARY COUNT SEED    COUNT of each
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "../c/harness.h"

/* The harness is made for programs that are linked with the library. */
static void *library;

static void *symbol(const char *name)
{
    void *address = dlsym(library, name);
    NEED(address != NULL);
    return address;
}

#define TYPE_OF(name) wmlb_hresult (*name)
#define GET(name) (*(void **)&my_##name = symbol("wmlb_" #name))

static TYPE_OF(my_restorer_create)(wmlb_restorer **);
static TYPE_OF(my_restorer_set_store_path)(wmlb_restorer *, const char *);
static TYPE_OF(my_restorer_set_backup_path)(wmlb_restorer *, const char *);
static TYPE_OF(my_restorer_set_prop)(wmlb_restorer *, const char *, int32_t, const uint8_t *,
                                     size_t);
static TYPE_OF(my_restorer_backup_licenses)(wmlb_restorer *, uint32_t, wmlb_status_callback,
                                            void *);
static TYPE_OF(my_restorer_wait)(wmlb_restorer *, uint32_t, wmlb_hresult *);
static TYPE_OF(my_restorer_release)(wmlb_restorer *);

wmlb_hresult wmlb_restorer_create(wmlb_restorer **out)
{
    return my_restorer_create(out);
}

wmlb_hresult wmlb_restorer_set_store_path(wmlb_restorer *restorer, const char *path)
{
    return my_restorer_set_store_path(restorer, path);
}

wmlb_hresult wmlb_restorer_set_backup_path(wmlb_restorer *restorer, const char *path)
{
    return my_restorer_set_backup_path(restorer, path);
}

wmlb_hresult wmlb_restorer_set_prop(wmlb_restorer *restorer, const char *name, int32_t type,
                                    const uint8_t *value, size_t length)
{
    return my_restorer_set_prop(restorer, name, type, value, length);
}

const char *wmlb_hresult_name(wmlb_hresult hr)
{
    (void)hr;
    return "";
}

static void load(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    NEED(library != NULL);
    GET(restorer_create);
    GET(restorer_set_store_path);
    GET(restorer_set_backup_path);
    GET(restorer_set_prop);
    GET(restorer_backup_licenses);
    GET(restorer_wait);
    GET(restorer_release);
}

static wmlb_hresult on_status(int32_t status, wmlb_hresult hr, int32_t type,
                              const uint8_t *value, size_t length, void *terminals)
{
    (void)hr, (void)type, (void)value, (void)length;
    if (is_terminal(status))
        __atomic_fetch_add((int *)terminals, 1, __ATOMIC_RELAXED);
    return WMLB_S_OK;
}

static int terminals;

static wmlb_restorer *begin(const char *folder, uint32_t threads)
{
    wmlb_restorer *restorer = new_restorer(in_workspace("store"), in_workspace("%s", folder));
    set_threads(restorer, threads);
    CHECK_HR(my_restorer_backup_licenses(restorer, WMLB_BACKUP_OVERWRITE, on_status, &terminals),
             WMLB_S_OK);
    return restorer;
}

static void end(wmlb_restorer *restorer)
{
    wmlb_hresult result = WMLB_E_FAIL;
    CHECK_HR(my_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
    CHECK_HR(result, WMLB_S_OK);
    CHECK(terminals == 1);
    CHECK_HR(my_restorer_release(restorer), WMLB_S_OK);
}

enum { FORK, UNLOAD, EXIT, WAYS };

static const char *const folders[] = {"fork", "unload", "exit"};

/* In a child of its own. */
static void one(const char *path, int way, useconds_t moment, uint32_t threads)
{
    wmlb_restorer *restorer;
    wmlb_hresult result;
    alarm(300);
    load(path);
    restorer = begin(folders[way], threads);
    usleep(moment);
    switch (way) {
    case FORK: {
        pid_t child = fork();
        NEED(child >= 0);
        if (child == 0) {
            checks_failed = 0;
            terminals = 0;
            CHECK_HR(my_restorer_wait(restorer, 0, &result), WMLB_E_HANDLE);
            CHECK_HR(my_restorer_release(restorer), WMLB_E_HANDLE);
            end(begin("of-a-child", threads));
            _exit(checks_failed == 0 ? 0 : 1);
        }
        end(restorer);
        CHECK(child_result(child) == 0);
        break;
    }
    case UNLOAD:
        NEED(dlclose(library) == 0);
        end(restorer);
        break;
    default:
        exit(checks_failed == 0 ? 5 : 1);
    }
    _exit(checks_failed == 0 ? 5 : 1);
}

int main(int count, char **arguments)
{
    int tried[WAYS] = {0}, violated[WAYS] = {0}, each, i;
    uint32_t seed;
    if (count != 4)
        return 2;
    each = atoi(arguments[2]);
    seed = (uint32_t)strtoul(arguments[3], NULL, 10) * 2654435761u + 1;
    test_name = "endings";
    begin_workspace();
    make_store(in_workspace("store"), 12, 40000);
    for (i = 0; i < WAYS * each; i++) {
        int way = i % WAYS, left, result;
        useconds_t moment;
        uint32_t threads;
        pid_t child;
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        moment = seed % 6000;
        threads = seed / 6000 % 4;
        NEED((child = fork()) >= 0);
        if (child == 0)
            one(arguments[1], way, moment, threads);
        result = child_result(child);
        left = entries(in_workspace("%s", folders[way]));
        tried[way]++;
        /* Whole or absent; a process that is gone in the middle may leave one file that has
           no name yet, and that the next operation removes. */
        violated[way] += !check_(result == 5 && left <= (way == EXIT ? 2 : 1), __FILE__, __LINE__,
                                 "%s at %u us, %u threads: %d, %d entries left", folders[way],
                                 (unsigned)moment, threads, result, left);
    }
    load(arguments[1]);
    for (i = 0; i < WAYS; i++) {
        terminals = 0;
        end(begin(folders[i], 0));
        CHECK(entries(in_workspace("%s", folders[i])) == 1);
    }
    CHECK(entries(in_workspace("of-a-child")) == 1);
    end_workspace();
    printf("fork %d, dlclose %d, exit %d; violated %d, %d, %d\n", tried[FORK], tried[UNLOAD],
           tried[EXIT], violated[FORK], violated[UNLOAD], violated[EXIT]);
    return checks_failed == 0 ? 0 : 1;
}
