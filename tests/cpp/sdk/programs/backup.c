/* A program as C programs for Windows are written: interfaces by the macros of COBJMACROS, and a
 * callback with a table of its own. usage: backup FOLDER */
#define COBJMACROS
#include <windows.h>
#include <wmsdk.h>
#include <stdio.h>

typedef struct
{
    IWMStatusCallback iface;
    LONG cRef;
    HANDLE hDone;
    HRESULT hr;
    int cEvents;
} STATUS_CALLBACK;

static HRESULT STDMETHODCALLTYPE Status_QueryInterface(IWMStatusCallback *This, REFIID riid, void **ppv)
{
    if (!IsEqualGUID(riid, &IID_IUnknown) && !IsEqualGUID(riid, &IID_IWMStatusCallback))
    {
        *ppv = NULL;
        return E_NOINTERFACE;
    }
    *ppv = This;
    IWMStatusCallback_AddRef(This);
    return S_OK;
}

static ULONG STDMETHODCALLTYPE Status_AddRef(IWMStatusCallback *This)
{
    return InterlockedIncrement(&((STATUS_CALLBACK *)This)->cRef);
}

static ULONG STDMETHODCALLTYPE Status_Release(IWMStatusCallback *This)
{
    return InterlockedDecrement(&((STATUS_CALLBACK *)This)->cRef);
}

static HRESULT STDMETHODCALLTYPE Status_OnStatus(IWMStatusCallback *This, WMT_STATUS Status, HRESULT hr,
                                                 WMT_ATTR_DATATYPE dwType, BYTE *pValue, void *pvContext)
{
    STATUS_CALLBACK *pStatus = (STATUS_CALLBACK *)This;
    (void)pvContext;
    pStatus->cEvents++;
    if (dwType == WMT_TYPE_DWORD && *(DWORD *)pValue != 0)
        pStatus->hr = E_UNEXPECTED;
    if (Status == WMT_BACKUPRESTORE_END || Status == WMT_ERROR)
    {
        if (SUCCEEDED(pStatus->hr))
            pStatus->hr = hr;
        SetEvent(pStatus->hDone);
    }
    return S_OK;
}

static IWMStatusCallbackVtbl StatusVtbl =
{
    Status_QueryInterface,
    Status_AddRef,
    Status_Release,
    Status_OnStatus
};

int main(int argc, char **argv)
{
    STATUS_CALLBACK status = { { &StatusVtbl }, 1, NULL, S_OK, 0 };
    WCHAR folder[MAX_PATH] = { 0 };
    IWMLicenseBackup *pBackup = NULL;
    IWMLicenseRestore *pRestore = NULL;
    IWMBackupRestoreProps *pProps = NULL;
    WORD cProps = 0;
    HRESULT hr;

    if (argc != 2 || !MultiByteToWideChar(CP_ACP, 0, argv[1], -1, folder, MAX_PATH))
        return 2;
    status.hDone = CreateEvent(NULL, FALSE, FALSE, NULL);
    hr = WMCreateBackupRestorer((IUnknown *)&status.iface, &pBackup);
    if (SUCCEEDED(hr))
        hr = IWMLicenseBackup_QueryInterface(pBackup, &IID_IWMBackupRestoreProps, (void **)&pProps);
    if (SUCCEEDED(hr))
        hr = IWMLicenseBackup_QueryInterface(pBackup, &IID_IWMLicenseRestore, (void **)&pRestore);
    /* The whole buffer, as sizeof gives it. */
    if (SUCCEEDED(hr))
        hr = IWMBackupRestoreProps_SetProp(pProps, L"BackupPath", WMT_TYPE_STRING, (BYTE *)folder, sizeof(folder));
    if (SUCCEEDED(hr))
        hr = pProps->lpVtbl->GetPropCount(pProps, &cProps);
    if (SUCCEEDED(hr))
        hr = IWMLicenseBackup_BackupLicenses(pBackup, WM_BACKUP_OVERWRITE, &status.iface);
    if (SUCCEEDED(hr))
    {
        WaitForSingleObject(status.hDone, INFINITE);
        hr = status.hr;
    }
    if (pRestore && IWMLicenseRestore_CancelLicenseRestore(pRestore) != S_FALSE)
        hr = E_UNEXPECTED;
    if (pRestore)
        IWMLicenseRestore_Release(pRestore);
    if (pProps)
        IWMBackupRestoreProps_Release(pProps);
    if (pBackup && IWMLicenseBackup_Release(pBackup) != 0)
        hr = E_UNEXPECTED;
    CloseHandle(status.hDone);
    printf("%d properties, events: %s, references: %d, 0x%08lX\n", cProps,
           status.cEvents > 1 ? "yes" : "no", (int)status.cRef, (unsigned long)hr);
    return hr == S_OK && cProps == 1 && status.cRef == 1 && status.cEvents > 1 ? 0 : 1;
}
