/*
 * The interfaces of the backup restorer, for C++, and for C (or with CINTERFACE) as structs with
 * lpVtbl; with COBJMACROS there are macros such as IWMLicenseBackup_BackupLicenses(). Order of the
 * methods and IIDs are those of the SDK. Where another header has an interface, its is taken.
 */

#ifndef WMLB_WMSDK_INTERFACES_H
#define WMLB_WMSDK_INTERFACES_H

#include "types.h"
#include "status.h"
#include "uuid.h"

#ifdef WMLB_TYPES_OF_WINE
#include <wmsdkidl.h>
#endif

#if defined(__cplusplus) && !defined(CINTERFACE)
#define WMLB_INTERFACE(name) struct name : public IUnknown
#define WMLB_METHOD(result, name) virtual result STDMETHODCALLTYPE name
#define WMLB_THIS(name) void
#define WMLB_THIS_(name)
#define WMLB_PURE = 0
#define WMLB_UNKNOWN(name)
/* They have no virtual destructor, as COM has none: it would take places in the vtable. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#endif
#else
#ifndef CONST_VTBL
#ifdef CONST_VTABLE
#define CONST_VTBL const
#else
#define CONST_VTBL
#endif
#endif
#define WMLB_INTERFACE(name)                    \
    typedef struct name##Vtbl name##Vtbl;       \
    struct name {                               \
        CONST_VTBL struct name##Vtbl *lpVtbl;   \
    };                                          \
    struct name##Vtbl
#define WMLB_METHOD(result, name) result(STDMETHODCALLTYPE *name)
#define WMLB_THIS(name) name *This
#define WMLB_THIS_(name) name *This,
#define WMLB_PURE
#define WMLB_UNKNOWN(name)                                                                  \
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(name *This, REFIID riid, void **ppvObject);  \
    ULONG(STDMETHODCALLTYPE *AddRef)(name *This);                                           \
    ULONG(STDMETHODCALLTYPE *Release)(name *This);
#endif

/* ---- IUnknown: references that are counted, and interfaces by IID ---- */

#if !defined(__IUnknown_INTERFACE_DEFINED__) && !defined(WMLB_TYPES_OF_DXVK)
#define __IUnknown_INTERFACE_DEFINED__
#define __IUnknown_FWD_DEFINED__
typedef struct IUnknown IUnknown;
typedef IUnknown *LPUNKNOWN;
#if defined(__cplusplus) && !defined(CINTERFACE)
struct IUnknown {
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject) = 0;
    virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
    virtual ULONG STDMETHODCALLTYPE Release() = 0;
    template <typename Interface> HRESULT QueryInterface(Interface **object)
    {
        return QueryInterface(__uuidof(Interface), reinterpret_cast<void **>(object));
    }
};
#else
WMLB_INTERFACE(IUnknown) { WMLB_UNKNOWN(IUnknown) };
#endif
WMLB_UUID(IUnknown, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46)
#endif

/* ---- IWMStatusCallback, the application's: is told of an operation's events ---- */

#ifndef __IWMStatusCallback_INTERFACE_DEFINED__
#define __IWMStatusCallback_INTERFACE_DEFINED__
#define __IWMStatusCallback_FWD_DEFINED__
typedef struct IWMStatusCallback IWMStatusCallback;
WMLB_INTERFACE(IWMStatusCallback) {
    WMLB_UNKNOWN(IWMStatusCallback)
    /* pValue is valid during the call only. */
    WMLB_METHOD(HRESULT, OnStatus)(WMLB_THIS_(IWMStatusCallback) WMT_STATUS status, HRESULT hr,
        WMT_ATTR_DATATYPE dwType, BYTE *pValue, void *pvContext) WMLB_PURE;
};
WMLB_UUID(IWMStatusCallback, 0x6d7cdc70, 0x9888, 0x11d3,
          0x8e, 0xdc, 0x00, 0xc0, 0x4f, 0x61, 0x09, 0xcf)
#endif

/* ---- IWMLicenseBackup: see wmlb_restorer_backup_licenses() ---- */

#ifndef __IWMLicenseBackup_INTERFACE_DEFINED__
#define __IWMLicenseBackup_INTERFACE_DEFINED__
#define __IWMLicenseBackup_FWD_DEFINED__
typedef struct IWMLicenseBackup IWMLicenseBackup;
WMLB_INTERFACE(IWMLicenseBackup) {
    WMLB_UNKNOWN(IWMLicenseBackup)
    WMLB_METHOD(HRESULT, BackupLicenses)(WMLB_THIS_(IWMLicenseBackup) DWORD dwFlags,
        IWMStatusCallback *pCallback) WMLB_PURE;
    WMLB_METHOD(HRESULT, CancelLicenseBackup)(WMLB_THIS(IWMLicenseBackup)) WMLB_PURE;
};
WMLB_UUID(IWMLicenseBackup, 0x05e5ac9f, 0x3fb6, 0x4508,
          0xbb, 0x43, 0xa4, 0x06, 0x7b, 0xa1, 0xeb, 0xe8)
#endif

/* ---- IWMLicenseRestore: see wmlb_restorer_restore_licenses() ---- */

#ifndef __IWMLicenseRestore_INTERFACE_DEFINED__
#define __IWMLicenseRestore_INTERFACE_DEFINED__
#define __IWMLicenseRestore_FWD_DEFINED__
typedef struct IWMLicenseRestore IWMLicenseRestore;
WMLB_INTERFACE(IWMLicenseRestore) {
    WMLB_UNKNOWN(IWMLicenseRestore)
    WMLB_METHOD(HRESULT, RestoreLicenses)(WMLB_THIS_(IWMLicenseRestore) DWORD dwFlags,
        IWMStatusCallback *pCallback) WMLB_PURE;
    WMLB_METHOD(HRESULT, CancelLicenseRestore)(WMLB_THIS(IWMLicenseRestore)) WMLB_PURE;
};
WMLB_UUID(IWMLicenseRestore, 0xc70b6334, 0xa22e, 0x4efb,
          0xa2, 0x45, 0x15, 0xe6, 0x5a, 0x00, 0x4a, 0x13)
#endif

/* ---- IWMBackupRestoreProps ---- */

/* Strings are of WCHAR and end with a NUL, which their lengths count: cbLength in bytes, the
 * length of a name in characters. The getters are called twice, first with NULL buffers to
 * learn the sizes; a buffer that is too small is HRESULT_FROM_WIN32(122). */
#ifndef __IWMBackupRestoreProps_INTERFACE_DEFINED__
#define __IWMBackupRestoreProps_INTERFACE_DEFINED__
#define __IWMBackupRestoreProps_FWD_DEFINED__
typedef struct IWMBackupRestoreProps IWMBackupRestoreProps;
WMLB_INTERFACE(IWMBackupRestoreProps) {
    WMLB_UNKNOWN(IWMBackupRestoreProps)
    WMLB_METHOD(HRESULT, GetPropCount)(WMLB_THIS_(IWMBackupRestoreProps) WORD *pcProps) WMLB_PURE;
    WMLB_METHOD(HRESULT, GetPropByIndex)(WMLB_THIS_(IWMBackupRestoreProps) WORD wIndex,
        WCHAR *pwszName, WORD *pcchNameLen, WMT_ATTR_DATATYPE *pType, BYTE *pValue,
        WORD *pcbLength) WMLB_PURE;
    WMLB_METHOD(HRESULT, GetPropByName)(WMLB_THIS_(IWMBackupRestoreProps) LPCWSTR pszName,
        WMT_ATTR_DATATYPE *pType, BYTE *pValue, WORD *pcbLength) WMLB_PURE;
    WMLB_METHOD(HRESULT, SetProp)(WMLB_THIS_(IWMBackupRestoreProps) LPCWSTR pszName,
        WMT_ATTR_DATATYPE Type, const BYTE *pValue, WORD cbLength) WMLB_PURE;
    WMLB_METHOD(HRESULT, RemoveProp)(WMLB_THIS_(IWMBackupRestoreProps) LPCWSTR pcwszName) WMLB_PURE;
    WMLB_METHOD(HRESULT, RemoveAllProps)(WMLB_THIS(IWMBackupRestoreProps)) WMLB_PURE;
};
WMLB_UUID(IWMBackupRestoreProps, 0x3c8e0da6, 0x996f, 0x4ff3,
          0xa1, 0xaf, 0x48, 0x38, 0xf9, 0x37, 0x7e, 0x2e)
#endif

/* ---- IWMLBRestorer, which the SDK does not have: the restorer of wmlb.h in the object ---- */

struct wmlb_restorer;
typedef struct IWMLBRestorer IWMLBRestorer;
WMLB_INTERFACE(IWMLBRestorer) {
    WMLB_UNKNOWN(IWMLBRestorer)
    WMLB_METHOD(HRESULT, GetRestorer)(WMLB_THIS_(IWMLBRestorer)
        struct wmlb_restorer **ppRestorer) WMLB_PURE;
};
WMLB_UUID(IWMLBRestorer, 0x94b90425, 0x07c5, 0x4fbd,
          0xa6, 0x26, 0xba, 0xdc, 0x8d, 0x92, 0x02, 0x9d)

/* The restorer in an object of which this is any interface: everything that wmlb.h does with a
 * restorer (authorizer, stores, rights, targets, progress, words of the last error) works with
 * it too. It is the object's: not to be released, and valid as long as the object is. NULL when
 * it is not such an object. An operation's last OnStatus may come just after wmlb_restorer_wait()
 * has returned. */
static inline struct wmlb_restorer *wmlb_wmsdk_restorer(IUnknown *object)
{
    struct wmlb_restorer *restorer = NULL;
    void *found = NULL;
#if defined(__cplusplus) && !defined(CINTERFACE)
    if (object != NULL && SUCCEEDED(object->QueryInterface(IID_IWMLBRestorer, &found))) {
        IWMLBRestorer *const own = static_cast<IWMLBRestorer *>(found);
        own->GetRestorer(&restorer);
        own->Release();
    }
#else
#ifdef __cplusplus
    const IID &iid = IID_IWMLBRestorer;
#else
    const IID *iid = &IID_IWMLBRestorer;
#endif
    if (object != NULL && SUCCEEDED(object->lpVtbl->QueryInterface(object, iid, &found))) {
        IWMLBRestorer *const own = (IWMLBRestorer *)found;
        own->lpVtbl->GetRestorer(own, &restorer);
        own->lpVtbl->Release(own);
    }
#endif
    return restorer;
}

#if defined(__cplusplus) && !defined(CINTERFACE)
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#elif defined(COBJMACROS)
#include "cobjmacros.h"
#endif

#endif
