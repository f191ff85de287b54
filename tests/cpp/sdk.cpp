// A program as the SDK's page "Backing Up and Restoring Licenses" has it, with the include
// line changed: create the object, set the path, back up; then restore. After it, what COM
// and the getters promise.
#include "wmlb_wmsdk.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

static int made, failed;
#define CHECK(condition)                                                                   \
    do {                                                                                   \
        made++;                                                                            \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "FAIL sdk: %d: %s\n", __LINE__, #condition);              \
            failed++;                                                                      \
        }                                                                                  \
    } while (0)

class Callback : public IWMStatusCallback {
public:
    virtual ~Callback() {}
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv) override
    {
        if (riid != IID_IUnknown && riid != IID_IWMStatusCallback) {
            *ppv = NULL;
            return E_NOINTERFACE;
        }
        *ppv = static_cast<IWMStatusCallback *>(this);
        AddRef();
        return S_OK;
    }
    STDMETHODIMP_(ULONG) AddRef() override { return ++references; }
    STDMETHOD_(ULONG, Release)() override { return --references; }
    STDMETHOD(OnStatus)(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType, BYTE *pValue,
                        LPVOID pvContext) override
    {
        std::lock_guard<std::mutex> lock(mutex);
        context = context || pvContext != NULL;
        if (Status == WMT_BACKUPRESTORE_BEGIN)
            begun++;
        if (Status == WMT_BACKUPRESTORE_BEGIN && to_cancel != NULL)
            canceled = to_cancel->CancelLicenseBackup();
        if (Status == WMT_BACKUPRESTORE_BEGIN && to_release != NULL) {
            to_release->Release();
            to_release = NULL;
            done = TRUE;
        }
        if (Status == WMT_BACKUPRESTORE_CONNECTING || Status == WMT_BACKUPRESTORE_DISCONNECTING)
            checked++;
        if (Status == WMT_RESTRICTED_LICENSE)
            restricted += dwType == WMT_TYPE_STRING && pValue[0] != 0 && pValue[1] == 0;
        if (Status == WMT_BACKUPRESTORE_END || Status == WMT_ERROR) {
            result = hr;
            text.clear();
            if (dwType == WMT_TYPE_STRING)
                for (const WCHAR *c = (const WCHAR *)pValue; *c; c++)
                    text += static_cast<char>(*c);
            done = TRUE;
        }
        changed.notify_all();
        return S_OK;
    }
    HRESULT Wait()
    {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [this] { return done; });
        done = FALSE;
        return result;
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<ULONG> references{1};
    BOOL done = FALSE;
    bool context = false;
    int begun = 0, checked = 0, restricted = 0;
    HRESULT result = E_FAIL, canceled = E_FAIL;
    std::string text;
    IWMLicenseBackup *to_cancel = NULL, *to_release = NULL;
};

// std::wstring is not for a wchar_t of another size than the standard library's.
static std::u16string units(const WCHAR *text)
{
    std::u16string copy;
    for (; *text; text++)
        copy += static_cast<char16_t>(*text);
    return copy;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    setenv("WMLB_STORE_PATH", argv[1], 1);
    const std::string plain = argv[2];
    const std::u16string path(plain.begin(), plain.end());
    const WORD bytes = static_cast<WORD>((path.size() + 1) * sizeof(WCHAR));
    Callback callback;
    IWMLicenseBackup *backup = NULL;
    IWMLicenseRestore *restore = NULL;
    IWMBackupRestoreProps *props = NULL;

    CHECK(WMCreateBackupRestorer(&callback, &backup) == S_OK);
    CHECK(backup->QueryInterface(IID_IWMBackupRestoreProps, (void **)&props) == S_OK);
    CHECK(backup->BackupLicenses(0, &callback) == NS_E_DRM_NOT_CONFIGURED);
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)path.c_str(), bytes) == S_OK);
    CHECK(backup->BackupLicenses(0, NULL) == E_INVALIDARG);
    CHECK(SUCCEEDED(backup->BackupLicenses(0, &callback)));
    CHECK(callback.Wait() == S_OK && callback.begun == 1 && !callback.context);
    CHECK(callback.text == std::string(argv[2]) + "/licenses.wmlb");
    CHECK(callback.restricted > 0);
    CHECK(backup->BackupLicenses(0, &callback) == NS_E_DRM_BACKUP_EXISTS);
    CHECK(SUCCEEDED(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback)));
    CHECK(callback.Wait() == S_OK);

    CHECK(backup->QueryInterface(IID_IWMLicenseRestore, (void **)&restore) == S_OK);
    CHECK(props->SetProp(L"RestorePath", WMT_TYPE_STRING, (const BYTE *)path.c_str(), bytes) == S_OK);
    setenv("WMLB_STORE_PATH", argv[3], 1);
    CHECK(SUCCEEDED(restore->RestoreLicenses(WM_RESTORE_INDIVIDUALIZE, &callback)));
    CHECK(callback.Wait() == S_OK && callback.checked == 2 && callback.begun == 3);

    // Canceled in OnStatus.
    callback.to_cancel = backup;
    CHECK(SUCCEEDED(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback)));
    CHECK(callback.Wait() == NS_E_DRM_OPERATION_CANCELED && callback.canceled == S_OK);
    callback.to_cancel = NULL;

    // Interfaces: symmetric, transitive, one IUnknown, unknown IIDs refused.
    IUnknown *one = NULL, *other = NULL;
    CHECK(props->QueryInterface(IID_IUnknown, (void **)&one) == S_OK);
    CHECK(restore->QueryInterface(IID_IUnknown, (void **)&other) == S_OK && one == other);
    CHECK(one->AddRef() == 6 && one->Release() == 5);
    void *none = &made;
    CHECK(one->QueryInterface(IID_IWMStatusCallback, &none) == E_NOINTERFACE && none == NULL);
    CHECK(one->QueryInterface(IID_IUnknown, NULL) == E_POINTER);
    one->Release();
    CHECK(other->Release() == 3);

    // Properties: the getters work, in two calls.
    WORD count = 0, size = 0, length = 0;
    WMT_ATTR_DATATYPE type = WMT_TYPE_GUID;
    CHECK(props->GetPropCount(&count) == S_OK && count == 2);
    CHECK(props->GetPropByName(L"BackupPath", &type, NULL, &size) == S_OK);
    CHECK(size == bytes && type == WMT_TYPE_STRING);
    std::u16string value(path.size(), 0);
    CHECK(props->GetPropByName(L"BackupPath", &type, (BYTE *)&value[0], &size) == S_OK && value == path);
    size = 2;
    CHECK(props->GetPropByName(L"BackupPath", &type, (BYTE *)&value[0], &size) == HRESULT_FROM_WIN32(122));
    CHECK(size == bytes);
    CHECK(props->GetPropByIndex(0, NULL, &length, &type, NULL, &size) == S_OK && length == 11);
    WCHAR name[11];
    CHECK(props->GetPropByIndex(0, name, &length, &type, (BYTE *)&value[0], &size) == S_OK);
    CHECK(units(name) == u"BackupPath" && value == path);
    length = 3;
    CHECK(props->GetPropByIndex(0, name, &length, &type, (BYTE *)&value[0], &size) == HRESULT_FROM_WIN32(122));
    CHECK(length == 11 && size == bytes);
    CHECK(props->GetPropByIndex(2, name, &length, &type, NULL, &size) == E_INVALIDARG);
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_DWORD, (const BYTE *)path.c_str(), 4) == E_INVALIDARG);
    CHECK(props->SetProp(L"NoSuch", WMT_TYPE_STRING, (const BYTE *)path.c_str(), bytes) == NS_E_DRM_UNSUPPORTED_PROPERTY);
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)path.c_str(), 3) == E_INVALIDARG);
    const WCHAR half[] = {0xD800, 'x', 0};
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)half, sizeof half) == E_INVALIDARG);
    // A value written L"..." comes back as UTF-16, also beyond the first 65,536 characters.
    const wchar_t wide[] = L"/\u00e9\u20ac\U0001F3B5";
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)wide, sizeof wide) == S_OK);
    const WCHAR same[] = {'/', 0xE9, 0x20AC, 0xD83C, 0xDFB5, 0};
    WCHAR back[8];
    size = sizeof back;
    CHECK(props->GetPropByName(L"BackupPath", &type, (BYTE *)back, &size) == S_OK && size == sizeof same);
    CHECK(units(back) == units(same));
    CHECK(props->RemoveProp(L"BackupPath") == S_OK && props->RemoveProp(L"BackupPath") == S_FALSE);
    CHECK(props->RemoveAllProps() == S_OK && props->GetPropCount(&count) == S_OK && count == 0);

    // The last reference is given up in OnStatus: nothing comes after, and nothing hangs.
    CHECK(props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)path.c_str(), bytes) == S_OK);
    CHECK(restore->Release() == 2 && props->Release() == 1);
    const int begun = callback.begun;
    callback.to_release = backup;
    CHECK(SUCCEEDED(backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback)));
    callback.Wait();
    while (callback.references != 1) // OnStatus is about to return
        std::this_thread::yield();
    CHECK(callback.begun == begun + 1 && !callback.done);
    std::printf("sdk: %d checks, %d failed\n", made, failed);
    return failed == 0 ? 0 : 1;
}
