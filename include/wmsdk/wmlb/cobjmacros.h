/* With COBJMACROS: calls of the interfaces' methods as C writes them. */

#ifndef WMLB_WMSDK_COBJMACROS_H
#define WMLB_WMSDK_COBJMACROS_H

#ifndef IUnknown_QueryInterface
#define IUnknown_QueryInterface(This, riid, ppv) (This)->lpVtbl->QueryInterface(This, riid, ppv)
#endif
#ifndef IUnknown_AddRef
#define IUnknown_AddRef(This) (This)->lpVtbl->AddRef(This)
#define IUnknown_Release(This) (This)->lpVtbl->Release(This)
#endif

#ifndef IWMStatusCallback_OnStatus
#define IWMStatusCallback_QueryInterface(This, riid, ppv) \
    (This)->lpVtbl->QueryInterface(This, riid, ppv)
#define IWMStatusCallback_AddRef(This) (This)->lpVtbl->AddRef(This)
#define IWMStatusCallback_Release(This) (This)->lpVtbl->Release(This)
#define IWMStatusCallback_OnStatus(This, status, hr, type, value, context) \
    (This)->lpVtbl->OnStatus(This, status, hr, type, value, context)
#endif

#ifndef IWMLicenseBackup_BackupLicenses
#define IWMLicenseBackup_QueryInterface(This, riid, ppv) \
    (This)->lpVtbl->QueryInterface(This, riid, ppv)
#define IWMLicenseBackup_AddRef(This) (This)->lpVtbl->AddRef(This)
#define IWMLicenseBackup_Release(This) (This)->lpVtbl->Release(This)
#define IWMLicenseBackup_BackupLicenses(This, flags, callback) \
    (This)->lpVtbl->BackupLicenses(This, flags, callback)
#define IWMLicenseBackup_CancelLicenseBackup(This) (This)->lpVtbl->CancelLicenseBackup(This)
#endif

#ifndef IWMLicenseRestore_RestoreLicenses
#define IWMLicenseRestore_QueryInterface(This, riid, ppv) \
    (This)->lpVtbl->QueryInterface(This, riid, ppv)
#define IWMLicenseRestore_AddRef(This) (This)->lpVtbl->AddRef(This)
#define IWMLicenseRestore_Release(This) (This)->lpVtbl->Release(This)
#define IWMLicenseRestore_RestoreLicenses(This, flags, callback) \
    (This)->lpVtbl->RestoreLicenses(This, flags, callback)
#define IWMLicenseRestore_CancelLicenseRestore(This) (This)->lpVtbl->CancelLicenseRestore(This)
#endif

#ifndef IWMBackupRestoreProps_SetProp
#define IWMBackupRestoreProps_QueryInterface(This, riid, ppv) \
    (This)->lpVtbl->QueryInterface(This, riid, ppv)
#define IWMBackupRestoreProps_AddRef(This) (This)->lpVtbl->AddRef(This)
#define IWMBackupRestoreProps_Release(This) (This)->lpVtbl->Release(This)
#define IWMBackupRestoreProps_GetPropCount(This, count) (This)->lpVtbl->GetPropCount(This, count)
#define IWMBackupRestoreProps_GetPropByIndex(This, index, name, length, type, value, size) \
    (This)->lpVtbl->GetPropByIndex(This, index, name, length, type, value, size)
#define IWMBackupRestoreProps_GetPropByName(This, name, type, value, size) \
    (This)->lpVtbl->GetPropByName(This, name, type, value, size)
#define IWMBackupRestoreProps_SetProp(This, name, type, value, size) \
    (This)->lpVtbl->SetProp(This, name, type, value, size)
#define IWMBackupRestoreProps_RemoveProp(This, name) (This)->lpVtbl->RemoveProp(This, name)
#define IWMBackupRestoreProps_RemoveAllProps(This) (This)->lpVtbl->RemoveAllProps(This)
#endif

#endif
