/* The backup restorer object over wmlb.h, for C++11 and later, with exceptions or without. */

#ifndef WMLB_WMSDK_RESTORER_HPP
#define WMLB_WMSDK_RESTORER_HPP

#include "../nserror.h"
#include "operation.hpp"

namespace wmlb_wmsdk {

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif

/// The object: four interfaces, one count.
template <unsigned Kind>
class restorer final : public IWMLicenseBackup,
                       public IWMLicenseRestore,
                       public IWMBackupRestoreProps,
                       public IWMLBRestorer {
public:
    explicit restorer(shared *its) : shared_(its) {}
    restorer(const restorer &) = delete;
    restorer &operator=(const restorer &) = delete;

    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **object) override
    {
        if (object == nullptr)
            return E_POINTER;
        // IUnknown is always the same pointer: that is what tells objects apart.
        if (is(riid, {0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}}) || is(riid, its_backup))
            *object = static_cast<IWMLicenseBackup *>(this);
        else if (is(riid, its_restore))
            *object = static_cast<IWMLicenseRestore *>(this);
        else if (is(riid, IID_IWMBackupRestoreProps))
            *object = static_cast<IWMBackupRestoreProps *>(this);
        else if (is(riid, IID_IWMLBRestorer))
            *object = static_cast<IWMLBRestorer *>(this);
        else
            *object = nullptr;
        if (*object == nullptr)
            return E_NOINTERFACE;
        AddRef();
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() override { return ++count_; }
    ULONG STDMETHODCALLTYPE Release() override
    {
        const std::uint32_t left = --count_;
        if (left == 0)
            delete this;
        return left;
    }

    HRESULT STDMETHODCALLTYPE BackupLicenses(DWORD flags, IWMStatusCallback *callback) override
    {
        return operation<Kind>::start(shared_, wmlb_restorer_backup_licenses, flags, callback);
    }
    HRESULT STDMETHODCALLTYPE CancelLicenseBackup() override
    {
        return wmlb_restorer_cancel_license_backup(shared_->handle);
    }
    HRESULT STDMETHODCALLTYPE RestoreLicenses(DWORD flags, IWMStatusCallback *callback) override
    {
        return operation<Kind>::start(shared_, wmlb_restorer_restore_licenses, flags, callback);
    }
    HRESULT STDMETHODCALLTYPE CancelLicenseRestore() override
    {
        return wmlb_restorer_cancel_license_restore(shared_->handle);
    }

    HRESULT STDMETHODCALLTYPE GetPropCount(WORD *count) override
    {
        std::size_t properties = 0;
        if (count == nullptr)
            return E_POINTER;
        const HRESULT hr = wmlb_restorer_get_prop_count(shared_->handle, &properties);
        if (SUCCEEDED(hr))
            *count = static_cast<WORD>(properties);
        return hr;
    }

    HRESULT STDMETHODCALLTYPE GetPropByIndex(WORD index, WCHAR *name, WORD *name_length,
                                             WMT_ATTR_DATATYPE *type, BYTE *value,
                                             WORD *size) override
    {
        if (name_length == nullptr || type == nullptr || size == nullptr)
            return E_POINTER;
        char its_name[64];
        std::size_t its_length = sizeof its_name, value_size = 0;
        std::int32_t its_type = 0;
        const HRESULT hr = wmlb_restorer_get_prop_by_index(shared_->handle, index, its_name,
                                                           &its_length, &its_type, nullptr,
                                                           &value_size);
        if (FAILED(hr))
            return hr;
        const bool fits = name == nullptr || *name_length >= its_length;
        *name_length = static_cast<WORD>(its_length);
        const HRESULT got = read(its_name, type, fits ? value : nullptr, size);
        if (!fits)
            return WMLB_E_INSUFFICIENT_BUFFER;
        for (std::size_t i = 0; SUCCEEDED(got) && name != nullptr && i < its_length; i++)
            name[i] = static_cast<WCHAR>(its_name[i]); // ASCII, and its NUL
        return got;
    }

    HRESULT STDMETHODCALLTYPE GetPropByName(LPCWSTR name, WMT_ATTR_DATATYPE *type, BYTE *value,
                                            WORD *size) override
    {
        if (name == nullptr || type == nullptr || size == nullptr)
            return E_POINTER;
        return read(property_name(name).text, type, value, size);
    }

    HRESULT STDMETHODCALLTYPE SetProp(LPCWSTR name, WMT_ATTR_DATATYPE type, const BYTE *value,
                                      WORD size) override
    {
        if (name == nullptr || value == nullptr)
            return E_POINTER;
        const property_name its(name);
        if (type != WMT_TYPE_STRING)
            return wmlb_restorer_set_prop(shared_->handle, its.text, type, value, size);
        block<char> text;
        const HRESULT hr = to_utf8(value, size, sizeof(WCHAR), text);
        if (FAILED(hr))
            return hr;
        const bool is_path = its.is(WMLB_PROP_BACKUP_PATH) || its.is(WMLB_PROP_RESTORE_PATH) ||
                             its.is(WMLB_PROP_STORE_PATH);
        if (is_path && is_of_windows(text.data()))
            return HRESULT_FROM_WIN32(161); // ERROR_BAD_PATHNAME
        return wmlb_restorer_set_prop(shared_->handle, its.text, type, text.bytes(), text.size());
    }

    HRESULT STDMETHODCALLTYPE RemoveProp(LPCWSTR name) override
    {
        return name == nullptr
                   ? E_POINTER
                   : wmlb_restorer_remove_prop(shared_->handle, property_name(name).text);
    }
    HRESULT STDMETHODCALLTYPE RemoveAllProps() override
    {
        return wmlb_restorer_remove_all_props(shared_->handle);
    }

    HRESULT STDMETHODCALLTYPE GetRestorer(wmlb_restorer **handle) override
    {
        if (handle == nullptr)
            return E_POINTER;
        *handle = shared_->handle;
        return S_OK;
    }

private:
    // Other headers declare these without having them.
    static constexpr GUID its_backup = {
        0x05e5ac9f, 0x3fb6, 0x4508, {0xbb, 0x43, 0xa4, 0x06, 0x7b, 0xa1, 0xeb, 0xe8}};
    static constexpr GUID its_restore = {
        0xc70b6334, 0xa22e, 0x4efb, {0xa2, 0x45, 0x15, 0xe6, 0x5a, 0x00, 0x4a, 0x13}};
    static bool is(REFIID one, GUID other) { return std::memcmp(&one, &other, sizeof other) == 0; }

    ~restorer()
    {
        if (shared_->is_of_parent())
            return; // the child has its memory, not its threads
        const bool told = call::is_in(shared_);
        if (told) {
            locked lock(shared_->mutex);
            shared_->abandoned = true;
        }
        ignore(wmlb_restorer_cancel(shared_->handle));
        if (!told)
            shared_->join();
        shared_->let_go();
    }

    HRESULT read(const char *name, WMT_ATTR_DATATYPE *type, BYTE *value, WORD *size)
    {
        std::int32_t its_type = 0;
        std::size_t length = 0;
        HRESULT hr = wmlb_restorer_get_prop_by_name(shared_->handle, name, &its_type, nullptr, &length);
        if (FAILED(hr))
            return hr;
        // It may have grown meanwhile: then there is room for it in the next round.
        do {
            const std::size_t room = length;
            block<BYTE> round;
            if (!round.make(room))
                return E_OUTOFMEMORY;
            hr = wmlb_restorer_get_prop_by_name(shared_->handle, name, &its_type, round.data(), &length);
            if (SUCCEEDED(hr) && length <= room)
                return give(its_type, round.data(), length, hr, type, value, size);
        } while (hr == WMLB_E_INSUFFICIENT_BUFFER);
        return hr;
    }

    static HRESULT give(std::int32_t its_type, const BYTE *its, std::size_t length, HRESULT hr,
                        WMT_ATTR_DATATYPE *type, BYTE *value, WORD *size)
    {
        block<WCHAR> wide;
        if (its_type == WMLB_TYPE_STRING && length > 0) {
            if (!to_wide(reinterpret_cast<const char *>(its), length - 1, wide))
                return E_OUTOFMEMORY;
            its = wide.bytes();
            length = wide.size() * sizeof(WCHAR);
        }
        const bool fits = length <= (value == nullptr ? 0xFFFFu : *size);
        *size = static_cast<WORD>(length > 0xFFFF ? 0xFFFF : length);
        if (!fits)
            return WMLB_E_INSUFFICIENT_BUFFER;
        *type = static_cast<WMT_ATTR_DATATYPE>(its_type);
        if (value != nullptr && length > 0)
            std::memcpy(value, its, length);
        return hr;
    }

    std::atomic<std::uint32_t> count_{1};
    shared *const shared_;
};

#if __cplusplus < 201703L
template <unsigned Kind> constexpr GUID restorer<Kind>::its_backup;
template <unsigned Kind> constexpr GUID restorer<Kind>::its_restore;
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/// Creates the object, with one reference.
template <unsigned Kind = kind> HRESULT create(IWMLicenseBackup **backup)
{
    if (backup == nullptr)
        return E_POINTER;
    *backup = nullptr;
    wmlb_restorer *handle = nullptr;
    if (FAILED(wmlb_restorer_create(&handle)))
        return E_OUTOFMEMORY;
    auto *const its = new (std::nothrow) shared(handle);
    if (its == nullptr) {
        wmlb_restorer_release(handle);
        return E_OUTOFMEMORY;
    }
    *backup = new (std::nothrow) restorer<Kind>(its);
    if (*backup == nullptr)
        its->let_go();
    return *backup == nullptr ? E_OUTOFMEMORY : S_OK;
}

/// The restorer of wmlb.h in an object, of which this is any interface: see wmlb_wmsdk_restorer().
inline wmlb_restorer *handle(IUnknown *object) { return wmlb_wmsdk_restorer(object); }

} // namespace wmlb_wmsdk

#endif
