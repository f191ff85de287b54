// The object of wmlb_wmsdk.hpp: what the SDK's page "Backing Up and Restoring Licenses" has, what
// COM promises, and the getters. usage: object STORE BACKUP NEW-STORE
#include "check.hpp"

struct Seen {
    int begun = 0, checked = 0, restricted = 0, empty = 0;

    void operator()(WMT_STATUS status, WMT_ATTR_DATATYPE type, const BYTE *value)
    {
        begun += status == WMT_BACKUPRESTORE_BEGIN;
        checked += status == WMT_BACKUPRESTORE_CONNECTING || status == WMT_BACKUPRESTORE_DISCONNECTING;
        restricted += status == WMT_RESTRICTED_LICENSE && type == WMT_TYPE_STRING && value[0] != 0;
        // An event without data has a DWORD, zero, that can be read.
        empty += type == WMT_TYPE_DWORD && *reinterpret_cast<const DWORD *>(value) == 0;
    }
};

static void backs_up_and_restores(IWMLicenseBackup *backup, IWMLicenseRestore *restore,
                                  IWMBackupRestoreProps *props, Callback &callback, char **argv)
{
    Seen seen;
    callback.seen = [&seen](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE type, BYTE *value) {
        seen(status, type, value);
    };
    CHECK(backup->BackupLicenses(0, &callback) == NS_E_DRM_NOT_CONFIGURED);
    CHECK(callback.references == 1);
    CHECK(set(props, "BackupPath", argv[2]) == S_OK);
    CHECK(backup->BackupLicenses(0, NULL) == E_INVALIDARG);
    CHECK(restore->RestoreLicenses(0, NULL) == E_INVALIDARG);
    CHECK(backup->BackupLicenses(0, &callback) == S_OK);
    CHECK(callback.Wait() == S_OK && callback.last == WMT_BACKUPRESTORE_END);
    CHECK(callback.text == std::string(argv[2]) + "/licenses.wmlb");
    CHECK(seen.begun == 1 && seen.empty == 1 && seen.restricted > 0);
    CHECK(backup->BackupLicenses(0, &callback) == NS_E_DRM_BACKUP_EXISTS);
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    CHECK(callback.Wait() == S_OK);

    CHECK(set(props, "RestorePath", argv[2]) == S_OK);
    setenv("WMLB_STORE_PATH", argv[3], 1);
    seen = Seen();
    CHECK(restore->RestoreLicenses(WM_RESTORE_INDIVIDUALIZE, &callback) == S_OK);
    CHECK(callback.Wait() == S_OK && seen.checked == 2 && seen.begun == 1 && seen.empty == 3);

    // Canceled in OnStatus; then there is nothing to cancel. A failure ends in WMT_ERROR.
    HRESULT canceled = E_FAIL;
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        if (status == WMT_BACKUPRESTORE_BEGIN)
            canceled = backup->CancelLicenseBackup();
    };
    CHECK(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback) == S_OK);
    CHECK(callback.Wait() == NS_E_DRM_OPERATION_CANCELED && canceled == S_OK);
    CHECK(callback.last == WMT_ERROR && !callback.text.empty());
    CHECK(backup->CancelLicenseBackup() == S_FALSE && restore->CancelLicenseRestore() == S_FALSE);
    CHECK(backup->BackupLicenses(0x80000000, &callback) == E_INVALIDARG);
    callback.seen = nullptr;
}

static void is_one_object(IWMLicenseRestore *restore, IWMBackupRestoreProps *props)
{
    // Interfaces: symmetric, transitive, one IUnknown, unknown IIDs refused.
    IUnknown *one = NULL, *other = NULL;
    CHECK(props->QueryInterface(IID_IUnknown, (void **)&one) == S_OK);
    CHECK(restore->QueryInterface(&other) == S_OK && one == other);
    CHECK(one->AddRef() == 6 && one->Release() == 5);
    IWMLicenseBackup *backup = NULL;
    CHECK(other->QueryInterface(IID_PPV_ARGS(&backup)) == S_OK && backup == one);
    CHECK(__uuidof(backup) == IID_IWMLicenseBackup && __uuidof(IWMLicenseBackup) != __uuidof(*props));
    CHECK(backup->Release() == 5);
    void *none = &made;
    CHECK(one->QueryInterface(IID_IWMStatusCallback, &none) == E_NOINTERFACE && none == NULL);
    CHECK(one->QueryInterface(IID_IUnknown, NULL) == E_POINTER);
    one->Release();
    CHECK(other->Release() == 3);
    CHECK(WMCreateBackupRestorer(NULL, NULL) == E_POINTER);
}

static void getters_work(IWMBackupRestoreProps *props, const std::string &path)
{
    const Wide given = wide(path), name = wide("BackupPath");
    const WORD bytes = static_cast<WORD>(given.size() * sizeof(WCHAR));
    WORD count = 0, size = 0, length = 0;
    WMT_ATTR_DATATYPE type = WMT_TYPE_GUID;
    CHECK(set(props, "BackupPath", path) == S_OK);
    CHECK(props->GetPropCount(&count) == S_OK && count == 2);
    CHECK(props->GetPropByName(name.data(), &type, NULL, &size) == S_OK);
    CHECK(size == bytes && type == WMT_TYPE_STRING);
    Wide value(given.size());
    BYTE *const room = reinterpret_cast<BYTE *>(value.data());
    CHECK(props->GetPropByName(name.data(), &type, room, &size) == S_OK && value == given);
    size = 2;
    CHECK(props->GetPropByName(name.data(), &type, room, &size) == HRESULT_FROM_WIN32(122));
    CHECK(size == bytes);
    CHECK(props->GetPropByIndex(0, NULL, &length, &type, NULL, &size) == S_OK && length == 11);
    WCHAR its[11];
    CHECK(props->GetPropByIndex(0, its, &length, &type, room, &size) == S_OK);
    CHECK(plain(its) == "BackupPath" && value == given);
    length = 3;
    CHECK(props->GetPropByIndex(0, its, &length, &type, room, &size) == HRESULT_FROM_WIN32(122));
    CHECK(length == 11 && size == bytes);
    CHECK(props->GetPropByIndex(2, its, &length, &type, NULL, &size) == E_INVALIDARG);
    DWORD threads = 3;
    const Wide number = wide("Threads");
    CHECK(props->SetProp(number.data(), WMT_TYPE_DWORD, (const BYTE *)&threads, sizeof threads) == S_OK);
    threads = 0, size = sizeof threads;
    CHECK(props->GetPropByName(number.data(), &type, (BYTE *)&threads, &size) == S_OK);
    CHECK(threads == 3 && type == WMT_TYPE_DWORD && size == 4);
    CHECK(props->GetPropByName(wide("Recipients").data(), &type, NULL, &size) == S_FALSE && size == 0);
    CHECK(props->RemoveProp(name.data()) == S_OK && props->RemoveProp(name.data()) == S_FALSE);
    CHECK(props->RemoveAllProps() == S_OK && props->GetPropCount(&count) == S_OK && count == 0);
    // NULLs, which no overload makes ambiguous.
    CHECK(props->RemoveProp(NULL) == E_POINTER);
    CHECK(props->SetProp(NULL, WMT_TYPE_STRING, NULL, 0) == E_POINTER);
    CHECK(props->GetPropByName(NULL, &type, NULL, &size) == E_POINTER);
}

// The last reference is given up in OnStatus: nothing comes after, and nothing hangs.
static void may_go_in_on_status(IWMLicenseBackup *backup, Callback &callback)
{
    std::atomic<int> begun{0}, ended{0};
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE, BYTE *) {
        ended += status == WMT_ERROR || status == WMT_BACKUPRESTORE_END;
        if (status == WMT_BACKUPRESTORE_BEGIN) {
            backup->Release();
            begun++;
        }
    };
    CHECK(SUCCEEDED(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback)));
    while (callback.references != 1)
        std::this_thread::yield();
    CHECK(begun == 1 && ended == 0);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    setenv("WMLB_STORE_PATH", argv[1], 1);
    Callback callback;
    IWMLicenseBackup *backup = NULL;
    IWMLicenseRestore *restore = NULL;
    IWMBackupRestoreProps *props = NULL;
    CHECK(WMCreateBackupRestorer(&callback, &backup) == S_OK);
    CHECK(backup->QueryInterface(IID_IWMBackupRestoreProps, (void **)&props) == S_OK);
    CHECK(backup->QueryInterface(IID_IWMLicenseRestore, (void **)&restore) == S_OK);
    backs_up_and_restores(backup, restore, props, callback, argv);
    is_one_object(restore, props);
    getters_work(props, argv[2]);
    CHECK(set(props, "BackupPath", argv[2]) == S_OK);
    CHECK(restore->Release() == 2 && props->Release() == 1);
    may_go_in_on_status(backup, callback);
    return report("object");
}
