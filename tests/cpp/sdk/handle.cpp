// The restorer of wmlb.h in the object: an authorizer that refuses with an address, progress, a
// store of the program's own, the words of the last error. usage: handle STORE FOLDER
#include "check.hpp"

#include <cstring>

static wmlb_hresult refuse(const wmlb_restore_request *, char *url, std::size_t size, void *ctx)
{
    ++*static_cast<int *>(ctx);
    std::snprintf(url, size, "https://licenses.example/why");
    return NS_E_DRM_RESTORE_FRAUD;
}

// A store of one license.
struct Store {
    bool given = false;
    static wmlb_hresult open(void *ctx, std::int32_t)
    {
        static_cast<Store *>(ctx)->given = false;
        return S_OK;
    }
    static wmlb_hresult next(void *ctx, wmlb_store_license *license)
    {
        auto *const self = static_cast<Store *>(ctx);
        if (self->given)
            return S_FALSE;
        self->given = true;
        license->name = reinterpret_cast<const std::uint8_t *>("one");
        license->name_len = 3;
        license->data = reinterpret_cast<const std::uint8_t *>("data");
        license->data_len = 4;
        license->modified = 0;
        return S_OK;
    }
    static wmlb_hresult put(void *, const wmlb_store_license *) { return S_OK; }
    static wmlb_hresult commit(void *) { return S_OK; }
    static void close(void *) {}
};

// An object that is none of ours.
struct Other : IUnknown {
    STDMETHODIMP QueryInterface(REFIID, void **object) override
    {
        *object = NULL;
        return E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return 1; }
    STDMETHODIMP_(ULONG) Release() override { return 1; }
};

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    setenv("WMLB_STORE_PATH", argv[1], 1);
    Callback callback;
    IWMLicenseBackup *backup = NULL;
    IWMLicenseRestore *restore = NULL;
    IWMBackupRestoreProps *props = NULL;
    CHECK(WMCreateBackupRestorer(NULL, &backup) == S_OK);
    CHECK(SUCCEEDED(backup->QueryInterface(&restore)) && SUCCEEDED(backup->QueryInterface(&props)));
    wmlb_restorer *const handle = wmlb_wmsdk::handle(backup);
    CHECK(handle != NULL && wmlb_wmsdk::handle(restore) == handle && wmlb_wmsdk::handle(props) == handle);
    CHECK(wmlb_wmsdk_restorer(backup) == handle && wmlb_wmsdk::handle(NULL) == NULL);
    Other other;
    CHECK(wmlb_wmsdk::handle(&other) == NULL);
    CHECK(backup->AddRef() == 4 && backup->Release() == 3);

    // Words of a failure.
    CHECK(backup->BackupLicenses(0, &callback) == NS_E_DRM_NOT_CONFIGURED);
    char words[200];
    std::size_t size = sizeof words;
    CHECK(wmlb_restorer_get_last_error(handle, words, &size) == S_OK && std::strstr(words, "BackupPath"));

    // Progress, and a store of the program's own.
    CHECK(set(props, "BackupPath", argv[2]) == S_OK && set(props, "RestorePath", argv[2]) == S_OK);
    Store store;
    wmlb_store_ops ops = {};
    ops.struct_size = sizeof ops;
    ops.open = Store::open, ops.next = Store::next, ops.put = Store::put;
    ops.commit = Store::commit, ops.close = Store::close;
    CHECK(wmlb_restorer_set_store(handle, &ops, &store) == S_OK);
    wmlb_progress told = {};
    callback.seen = [&](WMT_STATUS status, HRESULT hr, WMT_ATTR_DATATYPE type, BYTE *value) {
        if (static_cast<std::int32_t>(status) != WMLB_STATUS_PROGRESS)
            return;
        CHECK(hr == S_OK && type == WMT_TYPE_BINARY);
        std::memcpy(&told, value, sizeof told);
    };
    CHECK(backup->BackupLicenses(0, &callback) == S_OK && callback.Wait() == S_OK);
    wmlb_progress asked = {};
    asked.struct_size = sizeof asked;
    CHECK(wmlb_restorer_get_progress(handle, &asked) == S_OK);
    CHECK(asked.licenses_done == 1 && told.licenses_done == 1);

    // The client has no right to restore, and is told where to go.
    int times = 0;
    CHECK(wmlb_restorer_set_authorizer(handle, refuse, &times) == S_OK);
    CHECK(restore->RestoreLicenses(0, &callback) == S_OK);
    CHECK(callback.Wait() == NS_E_DRM_RESTORE_FRAUD && times == 1);
    CHECK(callback.last == WMT_ERROR_WITHURL && callback.text == "https://licenses.example/why");

    CHECK(props->Release() == 2 && restore->Release() == 1 && backup->Release() == 0);
    CHECK(wmlb_restorer_get_progress(handle, &asked) == E_HANDLE);
    return report("handle");
}
