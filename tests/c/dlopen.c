/*
 * A host that loads the library when it runs and lets go of it too early: dlclose is
 * harmless, even while an operation runs.
 */

#include "harness.h"

#include <dlfcn.h>

static void *library;

static void *symbol(const char *name)
{
    void *address = dlsym(library, name);
    if (address == NULL)
        fprintf(stderr, "FAIL dlopen: no %s\n", name);
    NEED(address != NULL);
    return address;
}

/* POSIX has it that dlsym's answer can be read as a function pointer like this. */
#define GET(name) (*(void **)&(my_##name) = symbol(#name))

/* The harness's checks name codes; here there is no library linked to ask. */
const char *wmlb_hresult_name(wmlb_hresult hr)
{
    (void)hr;
    return "";
}

wmlb_hresult wmlb_restorer_create(wmlb_restorer **out)
{
    wmlb_hresult (*my_wmlb_restorer_create)(wmlb_restorer **);
    GET(wmlb_restorer_create);
    return my_wmlb_restorer_create(out);
}

wmlb_hresult wmlb_restorer_set_store_path(wmlb_restorer *restorer, const char *path)
{
    wmlb_hresult (*my_wmlb_restorer_set_store_path)(wmlb_restorer *, const char *);
    GET(wmlb_restorer_set_store_path);
    return my_wmlb_restorer_set_store_path(restorer, path);
}

wmlb_hresult wmlb_restorer_set_backup_path(wmlb_restorer *restorer, const char *path)
{
    wmlb_hresult (*my_wmlb_restorer_set_backup_path)(wmlb_restorer *, const char *);
    GET(wmlb_restorer_set_backup_path);
    return my_wmlb_restorer_set_backup_path(restorer, path);
}

int main(int count, char **arguments)
{
    wmlb_hresult (*my_wmlb_restorer_backup_licenses)(wmlb_restorer *, uint32_t,
                                                     wmlb_status_callback, void *);
    wmlb_hresult (*my_wmlb_restorer_wait)(wmlb_restorer *, uint32_t, wmlb_hresult *);
    wmlb_hresult (*my_wmlb_restorer_release)(wmlb_restorer *);
    wmlb_hresult result = 77;
    wmlb_restorer *restorer;
    recorder told;
    int again;

    test_name = "dlopen";
    NEED(count == 2);
    begin_workspace();
    make_store(in_workspace("store"), 20, 300);
    for (again = 0; again < 3; again++) {
        library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        NEED(library != NULL);
        GET(wmlb_restorer_backup_licenses);
        GET(wmlb_restorer_wait);
        GET(wmlb_restorer_release);
        restorer = new_restorer(in_workspace("store"), in_workspace("backup-%d", again));
        recorder_init(&told);
        told.hold_at = WMLB_STATUS_PROGRESS;
        CHECK_HR(my_wmlb_restorer_backup_licenses(restorer, 0, record, &told), WMLB_S_OK);
        until_held(&told);
        NEED(dlclose(library) == 0);
        let_go(&told);
        /* It stays: its code, and the state behind the handles. */
        CHECK_HR(my_wmlb_restorer_wait(restorer, UINT32_MAX, &result), WMLB_S_OK);
        CHECK_HR(result, WMLB_S_OK);
        CHECK(told.terminals == 1);
        CHECK(is_there(in_workspace("backup-%d/licenses.wmlb", again)));
        CHECK_HR(my_wmlb_restorer_release(restorer), WMLB_S_OK);
        recorder_destroy(&told);
    }
    end_workspace();
    return summary("dlopen");
}
