// Memory that runs out in the object: every method answers E_OUTOFMEMORY, and an event comes
// without its value. The program's own calls of calloc and operator new fail when told to; the
// library's are its own. usage: no_memory STORE FOLDER
#include "check.hpp"

// The allocation that fails, counted from here; none when negative.
static std::atomic<int> left{-1};

static bool fails() { return left >= 0 && left-- == 0; }

extern "C" void *__real_calloc(std::size_t count, std::size_t size);
extern "C" void *__wrap_calloc(std::size_t count, std::size_t size)
{
    return fails() ? nullptr : __real_calloc(count, size);
}

// operator new(std::size_t, const std::nothrow_t &)
extern "C" void *__real__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t &);
extern "C" void *__wrap__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t &nothrow)
{
    return fails() ? nullptr : __real__ZnwmRKSt9nothrow_t(size, nothrow);
}

// Calls until it is not for memory that it fails; how often that was.
template <typename Call> static int starve(Call call)
{
    for (int allocation = 0;; allocation++) {
        left = allocation;
        const HRESULT hr = call();
        const bool had_enough = left >= 0;
        left = -1;
        if (had_enough) {
            CHECK(hr == S_OK);
            return allocation;
        }
        CHECK(hr == E_OUTOFMEMORY);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    setenv("WMLB_STORE_PATH", argv[1], 1);
    Callback callback;
    IWMLicenseBackup *backup = NULL;
    CHECK(starve([&] { return WMCreateBackupRestorer(NULL, &backup); }) == 2);
    IWMBackupRestoreProps *props = NULL;
    CHECK(backup->QueryInterface(&props) == S_OK);

    const Wide path = wide(argv[2]), name = wide("BackupPath");
    const WORD bytes = static_cast<WORD>(path.size() * sizeof(WCHAR));
    CHECK(starve([&] {
              return props->SetProp(name.data(), WMT_TYPE_STRING,
                                    reinterpret_cast<const BYTE *>(path.data()), bytes);
          }) == 1);
    WORD size = 0, length = 0;
    WMT_ATTR_DATATYPE type = WMT_TYPE_GUID;
    CHECK(starve([&] { return props->GetPropByName(name.data(), &type, NULL, &size); }) == 2);
    CHECK(starve([&] { return props->GetPropByIndex(0, NULL, &length, &type, NULL, &size); }) == 2);

    // An operation that cannot start lets go of the callback; one that runs is told without values.
    std::atomic<int> bare{0}, restricted{0};
    callback.seen = [&](WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE its_type, BYTE *value) {
        restricted += status == WMT_RESTRICTED_LICENSE;
        bare += status != WMT_BACKUPRESTORE_BEGIN && its_type == WMT_TYPE_DWORD &&
                *reinterpret_cast<DWORD *>(value) == 0;
    };
    int runs = 0;
    for (int allocation = 0; allocation < 12; allocation++) {
        left = allocation;
        const HRESULT hr = backup->BackupLicenses(WM_BACKUP_OVERWRITE, &callback);
        CHECK(hr == (allocation == 0 ? E_OUTOFMEMORY : S_OK));
        if (hr != S_OK) {
            CHECK(callback.references == 1);
            continue;
        }
        runs++;
        CHECK(callback.Wait() == S_OK && callback.last == WMT_BACKUPRESTORE_END);
        left = -1;
    }
    CHECK(restricted > 0 && bare == runs);
    CHECK(props->Release() == 1 && backup->Release() == 0);
    return report("no_memory");
}
