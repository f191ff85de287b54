/*
 * One callback that is left as none may be: by an exception, by pthread_exit, by longjmp.
 * What happens then is for the caller to see: the exit code or signal, and that nothing was
 * printed by the library.
 *
 * usage: misbehave WHICH HOW FOLDER
 * WHICH: status, authorizer, rights, open, next, put, commit, close, license, listed (a
 *        license of a host's store), store
 * HOW: throw, exit, longjmp, return
 */

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <pthread.h>
#include <unistd.h>

#include "wmlb.h"

static std::string which, how;
static std::jmp_buf before;
static bool given;

struct thrown {};

static void leave(const char *place)
{
    if (which != place)
        return;
    if (how == "throw")
        throw thrown();
    if (how == "exit")
        pthread_exit(nullptr);
    if (how == "longjmp")
        std::longjmp(before, 1);
}

static wmlb_hresult on_status(int32_t, wmlb_hresult, int32_t, const uint8_t *, size_t, void *)
{
    leave("status");
    return WMLB_S_OK;
}

static wmlb_hresult authorize(const wmlb_restore_request *, char *, size_t, void *)
{
    leave("authorizer");
    return WMLB_S_OK;
}

static int32_t right(const wmlb_license_info *, void *)
{
    leave("rights");
    return WMLB_RIGHT_NOT_STATED;
}

static wmlb_hresult on_license(const wmlb_license_info *, void *)
{
    leave("license");
    leave("listed");
    return WMLB_S_OK;
}

static wmlb_hresult on_store(const wmlb_store_info *, void *)
{
    leave("store");
    return WMLB_S_OK;
}

static wmlb_hresult open_store(void *, int32_t)
{
    given = false;
    leave("open");
    return WMLB_S_OK;
}

static wmlb_hresult next_license(void *, wmlb_store_license *license)
{
    leave("next");
    if (given)
        return WMLB_S_FALSE;
    given = true;
    license->name = license->data = reinterpret_cast<const uint8_t *>("name");
    license->name_len = license->data_len = 4;
    return WMLB_S_OK;
}

static wmlb_hresult put_license(void *, const wmlb_store_license *)
{
    leave("put");
    return WMLB_S_OK;
}

static wmlb_hresult commit_store(void *)
{
    leave("commit");
    return WMLB_S_OK;
}

static void close_store(void *)
{
    leave("close");
}

static void need(wmlb_hresult hr)
{
    if (WMLB_FAILED(hr)) {
        std::fprintf(stderr, "misbehave: %s\n", wmlb_hresult_name(hr));
        std::_Exit(3);
    }
}

static void finish(wmlb_hresult hr)
{
    need(hr);
    need(wmlb_wait(UINT32_MAX, &hr));
    need(hr);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    which = arguments[1];
    how = arguments[2];
    const std::string folder = arguments[3];
    const bool is_in_host_store = which == "open" || which == "next" || which == "put" ||
                                  which == "commit" || which == "close" || which == "listed";
    wmlb_store_ops ops = {sizeof ops, open_store, next_license, put_license, commit_store,
                          close_store};
    alarm(60);
    need(wmlb_set_store_path((folder + "/store").c_str()));
    need(wmlb_set_backup_path((folder + "/backup").c_str()));
    need(wmlb_set_restore_path((folder + "/backup").c_str()));
    if (which == "authorizer" || which == "put" || which == "commit")
        finish(wmlb_backup_licenses(WMLB_BACKUP_OVERWRITE, on_status, nullptr));
    if (is_in_host_store)
        need(wmlb_restorer_set_store(wmlb_default_restorer(), &ops, nullptr));
    need(wmlb_restorer_set_authorizer(wmlb_default_restorer(), authorize, nullptr));
    need(wmlb_restorer_set_rights(wmlb_default_restorer(), right, nullptr));

    if (setjmp(before) != 0) {
        /* What was left lies around, but the library answers: other restorers work, and so
           does the one whose call was left. */
        wmlb_restorer *other = nullptr;
        wmlb_hresult hr = WMLB_E_FAIL;
        if (which == "listed") {
            hr = wmlb_restorer_enumerate_store(wmlb_default_restorer(), on_license, nullptr);
            if (hr != WMLB_NS_E_DRM_BACKUPRESTORE_BUSY)
                return 8;
            need(wmlb_restorer_set_store(wmlb_default_restorer(), nullptr, nullptr));
        }
        which = "nothing";
        need(wmlb_restorer_create(&other));
        need(wmlb_restorer_set_store_path(other, (folder + "/store").c_str()));
        need(wmlb_restorer_set_backup_path(other, (folder + "/other").c_str()));
        need(wmlb_restorer_backup_licenses(other, WMLB_BACKUP_OVERWRITE, on_status, nullptr));
        need(wmlb_restorer_wait(other, UINT32_MAX, &hr));
        need(hr);
        need(wmlb_restorer_release(other));
        need(wmlb_discover_stores(on_store, nullptr));
        finish(wmlb_backup_licenses(WMLB_BACKUP_OVERWRITE, on_status, nullptr));
        return 7;
    }
    if (which == "store")
        need(wmlb_discover_stores(on_store, nullptr));
    else if (which == "license" || which == "listed")
        need(wmlb_restorer_enumerate_store(wmlb_default_restorer(), on_license, nullptr));
    else if (which == "authorizer" || which == "put" || which == "commit")
        finish(wmlb_restore_licenses(WMLB_RESTORE_OVERWRITE, on_status, nullptr));
    else
        finish(wmlb_backup_licenses(WMLB_BACKUP_OVERWRITE, on_status, nullptr));
    return 0;
}
