/*
 * Source compatibility with the backup restorer object of the Windows Media Format SDK, for
 * C++17 and later: include this instead of wmsdk.h, and link libwmlb. What the SDK's page
 * "Backing Up and Restoring Licenses" says is what to write:
 *
 *     IWMLicenseBackup *backup = NULL;
 *     IWMBackupRestoreProps *props = NULL;
 *     WMCreateBackupRestorer(callback, &backup);
 *     backup->QueryInterface(IID_IWMBackupRestoreProps, (void **)&props);
 *     props->SetProp(L"BackupPath", WMT_TYPE_STRING, (const BYTE *)path, size_of_path);
 *     backup->BackupLicenses(0, callback);
 *
 * The numbers, IIDs, signatures and the order of methods are those of the SDK's public
 * documentation and of the headers wmsdkidl.h and nserror.h of mingw-w64; E_NOINTERFACE is
 * that of winerror.h.
 *
 * Strings are UTF-16: WCHAR is char16_t, or wchar_t where the compiler is told to give it
 * 16 bits (-fshort-wchar). With a wchar_t of 32 bits L"..." is not a WCHAR string; but names
 * may be L"..." all the same, and a string value that ends in a NUL of 32 bits is taken for
 * such a wchar_t string.
 *
 * What differs from the SDK: the getters work; the other properties of wmlb.h are there too,
 * and so are its flags; OnStatus is also told WMLB_STATUS_PROGRESS (binary: a wmlb_progress)
 * and WMLB_STATUS_LICENSE_SKIPPED, both with an hr that is no failure. pvContext is NULL, as
 * no method of the object takes one. What OnStatus returns is not looked at, and it must not
 * throw. It is called on a thread of the operation's own. Releasing the object's last
 * reference cancels a running operation and waits for its last event; in OnStatus it does
 * not wait, and no further event comes. The callback is held from BackupLicenses() or
 * RestoreLicenses() until the last event; that given to WMCreateBackupRestorer() may be
 * NULL and is not called. CoInitialize() and the rest of Win32 are not here.
 */

#ifndef WMLB_WMSDK_HPP
#define WMLB_WMSDK_HPP

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "wmlb.h"

/* ---- types of Windows ---- */

typedef std::uint8_t BYTE;
typedef std::uint16_t WORD;
typedef std::uint32_t DWORD;
typedef std::int32_t LONG;
typedef std::uint32_t ULONG;
typedef int BOOL;
typedef void *LPVOID;
typedef wmlb_hresult HRESULT;
#if WCHAR_MAX > 0xFFFF
typedef char16_t WCHAR;
#else
typedef wchar_t WCHAR;
#endif
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR;

struct GUID {
    std::uint32_t Data1;
    std::uint16_t Data2, Data3;
    std::uint8_t Data4[8];
};
typedef GUID IID;
typedef const IID &REFIID;

inline bool IsEqualGUID(const GUID &one, const GUID &other)
{
    return std::memcmp(&one, &other, sizeof one) == 0;
}
inline bool IsEqualIID(REFIID one, REFIID other) { return IsEqualGUID(one, other); }
inline bool operator==(const GUID &one, const GUID &other) { return IsEqualGUID(one, other); }
inline bool operator!=(const GUID &one, const GUID &other) { return !(one == other); }

#define STDMETHODCALLTYPE
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define STDMETHODIMP HRESULT
#define STDMETHODIMP_(type) type
#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#define FAILED(hr) ((HRESULT)(hr) < 0)
constexpr HRESULT HRESULT_FROM_WIN32(std::uint32_t error)
{
    return error == 0 ? 0 : static_cast<HRESULT>(0x80070000 | (error & 0xFFFF));
}
#ifndef TRUE
#define TRUE 1
#define FALSE 0
#endif

/* ---- result codes ---- */

#define S_OK WMLB_S_OK
#define S_FALSE WMLB_S_FALSE
#define E_NOINTERFACE ((HRESULT)0x80004002)
#define E_NOTIMPL WMLB_E_NOTIMPL
#define E_POINTER WMLB_E_POINTER
#define E_FAIL WMLB_E_FAIL
#define E_UNEXPECTED WMLB_E_UNEXPECTED
#define E_ACCESSDENIED WMLB_E_ACCESSDENIED
#define E_HANDLE WMLB_E_HANDLE
#define E_OUTOFMEMORY WMLB_E_OUTOFMEMORY
#define E_INVALIDARG WMLB_E_INVALIDARG
#define NS_E_DRM_LICENSE_STORE_ERROR WMLB_NS_E_DRM_LICENSE_STORE_ERROR
#define NS_E_DRM_LICENSE_STORE_SAVE_ERROR WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR
#define NS_E_DRM_INVALID_LICENSE WMLB_NS_E_DRM_INVALID_LICENSE
#define NS_E_DRM_NEEDS_INDIVIDUALIZATION WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION
#define NS_E_BACKUP_RESTORE_FAILURE WMLB_NS_E_BACKUP_RESTORE_FAILURE
#define NS_E_DRM_BACKUP_EXISTS WMLB_NS_E_DRM_BACKUP_EXISTS
#define NS_E_DRM_BACKUP_CORRUPT WMLB_NS_E_DRM_BACKUP_CORRUPT
#define NS_E_DRM_BACKUPRESTORE_BUSY WMLB_NS_E_DRM_BACKUPRESTORE_BUSY
#define NS_E_BACKUP_RESTORE_BAD_DATA WMLB_NS_E_BACKUP_RESTORE_BAD_DATA
#define NS_E_DRM_INVALID_PROPERTY WMLB_NS_E_DRM_INVALID_PROPERTY
#define NS_E_DRM_UNSUPPORTED_PROPERTY WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY
#define NS_E_DRM_INVALID_SECURESTORE_PASSWORD WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD
#define NS_E_DRM_RESTORE_FRAUD WMLB_NS_E_DRM_RESTORE_FRAUD
#define NS_E_DRM_STORE_NOTALLSTORED WMLB_NS_E_DRM_STORE_NOTALLSTORED
#define NS_E_DRM_NOT_CONFIGURED WMLB_NS_E_DRM_NOT_CONFIGURED
#define NS_E_DRM_OPERATION_CANCELED WMLB_NS_E_DRM_OPERATION_CANCELED
#define NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE
#define NS_E_DRM_DATASTORE_CORRUPT WMLB_NS_E_DRM_DATASTORE_CORRUPT
#define NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE

/* ---- the SDK's numbers: those that a backup restorer uses ---- */

#define WM_BACKUP_OVERWRITE ((DWORD)WMLB_BACKUP_OVERWRITE)
#define WM_RESTORE_INDIVIDUALIZE ((DWORD)WMLB_RESTORE_INDIVIDUALIZE)

enum WMT_STATUS : std::int32_t {
    WMT_ERROR = WMLB_STATUS_ERROR,
    WMT_BACKUPRESTORE_BEGIN = WMLB_STATUS_BACKUPRESTORE_BEGIN,
    WMT_BACKUPRESTORE_END = WMLB_STATUS_BACKUPRESTORE_END,
    WMT_BACKUPRESTORE_CONNECTING = WMLB_STATUS_BACKUPRESTORE_CONNECTING,
    WMT_BACKUPRESTORE_DISCONNECTING = WMLB_STATUS_BACKUPRESTORE_DISCONNECTING,
    WMT_ERROR_WITHURL = WMLB_STATUS_ERROR_WITHURL,
    WMT_RESTRICTED_LICENSE = WMLB_STATUS_RESTRICTED_LICENSE,
};

enum WMT_ATTR_DATATYPE : std::int32_t {
    WMT_TYPE_DWORD = WMLB_TYPE_DWORD,
    WMT_TYPE_STRING = WMLB_TYPE_STRING,
    WMT_TYPE_BINARY = WMLB_TYPE_BINARY,
    WMT_TYPE_BOOL = WMLB_TYPE_BOOL,
    WMT_TYPE_QWORD = WMLB_TYPE_QWORD,
    WMT_TYPE_WORD = WMLB_TYPE_WORD,
    WMT_TYPE_GUID = WMLB_TYPE_GUID,
};

inline constexpr IID IID_IUnknown = {0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
inline constexpr IID IID_IWMStatusCallback = {
    0x6d7cdc70, 0x9888, 0x11d3, {0x8e, 0xdc, 0x00, 0xc0, 0x4f, 0x61, 0x09, 0xcf}};
inline constexpr IID IID_IWMLicenseBackup = {
    0x05e5ac9f, 0x3fb6, 0x4508, {0xbb, 0x43, 0xa4, 0x06, 0x7b, 0xa1, 0xeb, 0xe8}};
inline constexpr IID IID_IWMLicenseRestore = {
    0xc70b6334, 0xa22e, 0x4efb, {0xa2, 0x45, 0x15, 0xe6, 0x5a, 0x00, 0x4a, 0x13}};
inline constexpr IID IID_IWMBackupRestoreProps = {
    0x3c8e0da6, 0x996f, 0x4ff3, {0xa1, 0xaf, 0x48, 0x38, 0xf9, 0x37, 0x7e, 0x2e}};

/* ---- interfaces ---- */

// They have no virtual destructor, as COM has none: it would take places in the vtable.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif

/// What every object has: references that are counted, and its interfaces by IID.
struct IUnknown {
    virtual HRESULT QueryInterface(REFIID riid, void **ppvObject) = 0;
    virtual ULONG AddRef() = 0;
    virtual ULONG Release() = 0;
};

/// The application's: is told of an operation's events. pValue is valid during the call only.
struct IWMStatusCallback : IUnknown {
    virtual HRESULT OnStatus(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType,
                             BYTE *pValue, void *pvContext) = 0;
};

/// Backups: see wmlb_restorer_backup_licenses().
struct IWMLicenseBackup : IUnknown {
    virtual HRESULT BackupLicenses(DWORD dwFlags, IWMStatusCallback *pCallback) = 0;
    virtual HRESULT CancelLicenseBackup() = 0;
};

/// Restores: see wmlb_restorer_restore_licenses().
struct IWMLicenseRestore : IUnknown {
    virtual HRESULT RestoreLicenses(DWORD dwFlags, IWMStatusCallback *pCallback) = 0;
    virtual HRESULT CancelLicenseRestore() = 0;
};

/// Properties. Strings are UTF-16, and their lengths count the NUL: cbLength in bytes, the
/// length of a name in characters. The getters are called twice, first with NULL buffers to
/// learn the sizes; a buffer that is too small is HRESULT_FROM_WIN32(122).
struct IWMBackupRestoreProps : IUnknown {
    virtual HRESULT GetPropCount(WORD *pcProps) = 0;
    virtual HRESULT GetPropByIndex(WORD wIndex, WCHAR *pwszName, WORD *pcchNameLen,
                                   WMT_ATTR_DATATYPE *pType, BYTE *pValue, WORD *pcbLength) = 0;
    virtual HRESULT GetPropByName(LPCWSTR pszName, WMT_ATTR_DATATYPE *pType, BYTE *pValue,
                                  WORD *pcbLength) = 0;
    virtual HRESULT SetProp(LPCWSTR pszName, WMT_ATTR_DATATYPE Type, const BYTE *pValue,
                            WORD cbLength) = 0;
    virtual HRESULT RemoveProp(LPCWSTR pcwszName) = 0;
    virtual HRESULT RemoveAllProps() = 0;
#if WCHAR_MAX > 0xFFFF
    // For names written L"...": no methods of the interface.
    HRESULT GetPropByName(const wchar_t *name, WMT_ATTR_DATATYPE *type, BYTE *value, WORD *size)
    {
        return name == nullptr ? E_POINTER : GetPropByName(narrow(name).c_str(), type, value, size);
    }
    HRESULT SetProp(const wchar_t *name, WMT_ATTR_DATATYPE type, const BYTE *value, WORD size)
    {
        return name == nullptr ? E_POINTER : SetProp(narrow(name).c_str(), type, value, size);
    }
    HRESULT RemoveProp(const wchar_t *name)
    {
        return name == nullptr ? E_POINTER : RemoveProp(narrow(name).c_str());
    }

private:
    // The names of properties are ASCII; what is not becomes a name that there is not.
    static std::u16string narrow(const wchar_t *name)
    {
        std::u16string result;
        for (; *name != 0; name++)
            result += *name < 0x80 ? static_cast<char16_t>(*name) : u'?';
        return result;
    }
#endif
};

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace wmlb_wmsdk {

/// UTF-8 of UTF-16 (units of two bytes) or UTF-32. A half of a surrogate pair becomes 0xFF,
/// which is no UTF-8, so that the library refuses it.
template <typename Unit> std::string to_utf8(const std::vector<Unit> &units)
{
    std::string text;
    for (std::size_t i = 0; i < units.size(); i++) {
        std::uint32_t c = units[i];
        if (sizeof(Unit) == 2 && c >= 0xD800 && c < 0xDC00 && i + 1 < units.size() &&
            units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + (static_cast<std::uint32_t>(units[++i]) - 0xDC00);
        const auto add = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
        const auto rest = [&](unsigned shift) { add(0x80 | ((c >> shift) & 0x3F)); };
        if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) {
            add(0xFF);
        } else if (c < 0x80) {
            add(c);
        } else if (c < 0x800) {
            add(0xC0 | (c >> 6)), rest(0);
        } else if (c < 0x10000) {
            add(0xE0 | (c >> 12)), rest(6), rest(0);
        } else {
            add(0xF0 | (c >> 18)), rest(12), rest(6), rest(0);
        }
    }
    return text;
}

inline std::string to_utf8(LPCWSTR text)
{
    std::vector<std::uint16_t> units;
    for (; *text != 0; text++)
        units.push_back(static_cast<std::uint16_t>(*text));
    return to_utf8(units);
}

template <typename Unit> std::string to_utf8(const BYTE *value, std::size_t size)
{
    std::vector<Unit> units(size / sizeof(Unit));
    if (!units.empty())
        std::memcpy(units.data(), value, units.size() * sizeof(Unit));
    return to_utf8(units);
}

/// UTF-16 of valid UTF-8, which is what the library gives, with a NUL after it.
inline std::vector<std::uint16_t> to_utf16(const char *text, std::size_t size)
{
    std::vector<std::uint16_t> units;
    for (std::size_t i = 0; i < size;) {
        const auto first = static_cast<unsigned char>(text[i++]);
        unsigned more = first < 0xC0 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        std::uint32_t c = more == 0 ? first : first & (0x3Fu >> more);
        for (; more > 0 && i < size; more--)
            c = (c << 6) | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
        if (c >= 0x10000) {
            units.push_back(static_cast<std::uint16_t>(0xD800 + ((c - 0x10000) >> 10)));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        units.push_back(static_cast<std::uint16_t>(c));
    }
    units.push_back(0);
    return units;
}

/// An operation: holds the callback until its last event.
struct run {
    wmlb_restorer *handle;
    IWMStatusCallback *callback;
    std::atomic<bool> *ending; // of the object, which is there until the last event
    bool abandoned = false;    // the object went in OnStatus: no event comes any more

    static run *&current() noexcept
    {
        static thread_local run *of_thread = nullptr;
        return of_thread;
    }
};

inline wmlb_hresult on_status(std::int32_t status, wmlb_hresult hr, std::int32_t type,
                              const std::uint8_t *value, std::size_t size,
                              void *user_data) noexcept
{
    auto *const of = static_cast<run *>(user_data);
    const bool last = status == WMLB_STATUS_ERROR || status == WMLB_STATUS_ERROR_WITHURL ||
                      status == WMLB_STATUS_BACKUPRESTORE_END;
    if (last)
        *of->ending = true;
    if (status == WMLB_STATUS_LICENSE_SKIPPED)
        hr = S_FALSE; // a program of the SDK would take a failure for the end
    std::vector<std::uint16_t> text;
    std::vector<BYTE> bytes;
    BYTE *given = nullptr;
    if (value != nullptr && type == WMLB_TYPE_STRING) {
        text = to_utf16(reinterpret_cast<const char *>(value), size);
        given = reinterpret_cast<BYTE *>(text.data());
    } else if (value != nullptr) {
        bytes.assign(value, value + size);
        given = bytes.data();
    }
    run *const outer = run::current();
    run::current() = of;
    of->callback->OnStatus(static_cast<WMT_STATUS>(status), hr,
                           static_cast<WMT_ATTR_DATATYPE>(type), given, nullptr);
    if (last || of->abandoned) {
        IWMStatusCallback *const callback = of->callback;
        callback->Release();
        delete of;
    }
    run::current() = outer;
    return S_OK;
}

/// The object: three interfaces, one count.
class restorer final : public IWMLicenseBackup,
                       public IWMLicenseRestore,
                       public IWMBackupRestoreProps {
public:
    explicit restorer(wmlb_restorer *handle) : handle_(handle) {}

    HRESULT QueryInterface(REFIID riid, void **object) override
    {
        if (object == nullptr)
            return E_POINTER;
        // IUnknown is always the same pointer: that is what tells objects apart.
        if (riid == IID_IUnknown || riid == IID_IWMLicenseBackup)
            *object = static_cast<IWMLicenseBackup *>(this);
        else if (riid == IID_IWMLicenseRestore)
            *object = static_cast<IWMLicenseRestore *>(this);
        else if (riid == IID_IWMBackupRestoreProps)
            *object = static_cast<IWMBackupRestoreProps *>(this);
        else
            *object = nullptr;
        if (*object == nullptr)
            return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    ULONG AddRef() override { return ++count_; }
    ULONG Release() override
    {
        const ULONG left = --count_;
        if (left == 0)
            delete this;
        return left;
    }

    HRESULT BackupLicenses(DWORD flags, IWMStatusCallback *callback) override
    {
        return start(wmlb_restorer_backup_licenses, flags, callback);
    }
    HRESULT CancelLicenseBackup() override { return wmlb_restorer_cancel_license_backup(handle_); }
    HRESULT RestoreLicenses(DWORD flags, IWMStatusCallback *callback) override
    {
        return start(wmlb_restorer_restore_licenses, flags, callback);
    }
    HRESULT CancelLicenseRestore() override
    {
        return wmlb_restorer_cancel_license_restore(handle_);
    }

    HRESULT GetPropCount(WORD *count) override
    {
        std::size_t properties = 0;
        if (count == nullptr)
            return E_POINTER;
        const HRESULT hr = wmlb_restorer_get_prop_count(handle_, &properties);
        if (SUCCEEDED(hr))
            *count = static_cast<WORD>(properties);
        return hr;
    }

    HRESULT GetPropByIndex(WORD index, WCHAR *name, WORD *name_length, WMT_ATTR_DATATYPE *type,
                           BYTE *value, WORD *size) override
    {
        if (name_length == nullptr || type == nullptr || size == nullptr)
            return E_POINTER;
        char its_name[64];
        std::size_t name_size = sizeof its_name, value_size = 0;
        std::int32_t its_type = 0;
        const HRESULT hr = wmlb_restorer_get_prop_by_index(handle_, index, its_name, &name_size,
                                                           &its_type, nullptr, &value_size);
        if (FAILED(hr))
            return hr;
        const std::vector<std::uint16_t> wide = to_utf16(its_name, name_size - 1);
        const bool fits = name == nullptr || *name_length >= wide.size();
        *name_length = static_cast<WORD>(wide.size());
        const HRESULT got = read(its_name, type, fits ? value : nullptr, size);
        if (!fits)
            return WMLB_E_INSUFFICIENT_BUFFER;
        if (SUCCEEDED(got) && name != nullptr)
            std::memcpy(name, wide.data(), wide.size() * sizeof wide[0]);
        return got;
    }

    using IWMBackupRestoreProps::GetPropByName;
    HRESULT GetPropByName(LPCWSTR name, WMT_ATTR_DATATYPE *type, BYTE *value,
                          WORD *size) override
    {
        if (name == nullptr || type == nullptr || size == nullptr)
            return E_POINTER;
        return read(to_utf8(name).c_str(), type, value, size);
    }

    using IWMBackupRestoreProps::SetProp;
    HRESULT SetProp(LPCWSTR name, WMT_ATTR_DATATYPE type, const BYTE *value, WORD size) override
    {
        if (name == nullptr || value == nullptr)
            return E_POINTER;
        std::string text(reinterpret_cast<const char *>(value), size);
        if (type == WMT_TYPE_STRING) {
            static const BYTE nul[4] = {0, 0, 0, 0};
            if (size % 4 == 0 && size > 4 && std::memcmp(value + size - 4, nul, 4) == 0)
                text = to_utf8<std::uint32_t>(value, size);
            else if (size % 2 == 0)
                text = to_utf8<std::uint16_t>(value, size);
            else
                return E_INVALIDARG;
        }
        return wmlb_restorer_set_prop(handle_, to_utf8(name).c_str(), type,
                                      reinterpret_cast<const BYTE *>(text.data()), text.size());
    }

    using IWMBackupRestoreProps::RemoveProp;
    HRESULT RemoveProp(LPCWSTR name) override
    {
        return name == nullptr ? E_POINTER
                               : wmlb_restorer_remove_prop(handle_, to_utf8(name).c_str());
    }
    HRESULT RemoveAllProps() override { return wmlb_restorer_remove_all_props(handle_); }

private:
    ~restorer()
    {
        run *const current = run::current();
        wmlb_restorer *const handle = handle_;
        wmlb_restorer_release(handle);
        if (current != nullptr && current->handle == handle)
            current->abandoned = true;
    }

    using starter = wmlb_hresult (*)(wmlb_restorer *, std::uint32_t, wmlb_status_callback, void *);

    HRESULT start(starter function, DWORD flags, IWMStatusCallback *callback)
    {
        if (callback == nullptr)
            return E_INVALIDARG;
        auto *const of = new (std::nothrow) run{handle_, callback, &ending_};
        if (of == nullptr)
            return E_OUTOFMEMORY;
        callback->AddRef();
        // A program that was told of the end may start at once: OnStatus is about to return.
        if (ending_.exchange(false)) {
            HRESULT result = S_OK;
            (void)wmlb_restorer_wait(handle_, 1000, &result);
        }
        const HRESULT hr = function(handle_, flags, on_status, of);
        if (FAILED(hr)) {
            callback->Release();
            delete of;
        }
        return hr;
    }

    HRESULT read(const char *name, WMT_ATTR_DATATYPE *type, BYTE *value, WORD *size)
    {
        std::vector<BYTE> bytes;
        std::int32_t its_type = 0;
        std::size_t length = 0;
        HRESULT hr = wmlb_restorer_get_prop_by_name(handle_, name, &its_type, nullptr, &length);
        while (SUCCEEDED(hr) && length > bytes.size()) {
            bytes.resize(length);
            hr = wmlb_restorer_get_prop_by_name(handle_, name, &its_type, bytes.data(), &length);
            if (hr == WMLB_E_INSUFFICIENT_BUFFER) // it has grown meanwhile
                hr = S_OK;
        }
        if (FAILED(hr))
            return hr;
        bytes.resize(length);
        if (its_type == WMLB_TYPE_STRING && length > 0) {
            const auto wide = to_utf16(reinterpret_cast<const char *>(bytes.data()), length - 1);
            bytes.resize(wide.size() * sizeof wide[0]);
            std::memcpy(bytes.data(), wide.data(), bytes.size());
        }
        const bool fits = bytes.size() <= (value == nullptr ? 0xFFFF : *size);
        *size = static_cast<WORD>(bytes.size() > 0xFFFF ? 0xFFFF : bytes.size());
        if (!fits)
            return WMLB_E_INSUFFICIENT_BUFFER;
        *type = static_cast<WMT_ATTR_DATATYPE>(its_type);
        if (value != nullptr && !bytes.empty())
            std::memcpy(value, bytes.data(), bytes.size());
        return hr;
    }

    std::atomic<ULONG> count_{1};
    wmlb_restorer *const handle_;
    std::atomic<bool> ending_{false};
};

} // namespace wmlb_wmsdk

/// Creates the object, with one reference. pCallback may be NULL: what is called is the
/// callback that an operation is started with.
inline HRESULT WMCreateBackupRestorer(IUnknown *pCallback, IWMLicenseBackup **ppBackup)
{
    (void)pCallback;
    if (ppBackup == nullptr)
        return E_POINTER;
    *ppBackup = nullptr;
    wmlb_restorer *handle = nullptr;
    if (FAILED(wmlb_restorer_create(&handle)))
        return E_OUTOFMEMORY;
    *ppBackup = new (std::nothrow) wmlb_wmsdk::restorer(handle);
    if (*ppBackup != nullptr)
        return S_OK;
    wmlb_restorer_release(handle);
    return E_OUTOFMEMORY;
}

#endif
