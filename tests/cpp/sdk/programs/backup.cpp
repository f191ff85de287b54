// A program as they are written for Windows: backs up the licenses as the SDK's page has it, in
// three steps, and waits for its callback with an event. It has no line for this library.
// usage: backup FOLDER
#include <windows.h>
#include <stdio.h>
#include <wmsdk.h>

#define SAFE_RELEASE(p) { if (p) { (p)->Release(); (p) = NULL; } }

class CBackupStatus : public IWMStatusCallback
{
public:
    CBackupStatus() : m_cRef(1), m_hr(S_OK), m_cRestricted(0)
    {
        m_hDone = CreateEvent(NULL, FALSE, FALSE, NULL);
    }

    virtual ~CBackupStatus()
    {
        CloseHandle(m_hDone);
    }

    // IUnknown
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject)
    {
        if (ppvObject == NULL)
            return E_POINTER;
        if (riid == IID_IUnknown || riid == IID_IWMStatusCallback)
        {
            *ppvObject = static_cast<IWMStatusCallback *>(this);
            AddRef();
            return S_OK;
        }
        *ppvObject = NULL;
        return E_NOINTERFACE;
    }

    ULONG STDMETHODCALLTYPE AddRef()
    {
        return InterlockedIncrement(&m_cRef);
    }

    ULONG STDMETHODCALLTYPE Release()
    {
        LONG cRef = InterlockedDecrement(&m_cRef);
        if (cRef == 0)
            delete this;
        return cRef;
    }

    // IWMStatusCallback
    HRESULT STDMETHODCALLTYPE OnStatus(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType,
                                       BYTE *pValue, void *pvContext)
    {
        UNREFERENCED_PARAMETER(pvContext);
        switch (Status)
        {
        case WMT_BACKUPRESTORE_BEGIN:
            // As code for the SDK's reader reads what comes with a status.
            printf("begin %d\n", (int)*(DWORD *)pValue);
            break;

        case WMT_RESTRICTED_LICENSE:
            if (dwType == WMT_TYPE_STRING && lstrlenW((WCHAR *)pValue) > 0)
                m_cRestricted++;
            break;

        case WMT_BACKUPRESTORE_END:
        case WMT_ERROR:
            m_hr = hr;
            SetEvent(m_hDone);
            break;

        default:
            break;
        }
        return S_OK;
    }

    HRESULT Wait()
    {
        if (WaitForSingleObject(m_hDone, INFINITE) != WAIT_OBJECT_0)
            return HRESULT_FROM_WIN32(GetLastError());
        return m_hr;
    }

    int Restricted() const { return m_cRestricted; }

private:
    LONG m_cRef;
    HANDLE m_hDone;
    HRESULT m_hr;
    int m_cRestricted;
};

HRESULT Backup(LPCWSTR pwszFolder, DWORD dwFlags, CBackupStatus *pStatus)
{
    IWMLicenseBackup *pBackup = NULL;
    IWMBackupRestoreProps *pProps = NULL;

    HRESULT hr = WMCreateBackupRestorer(pStatus, &pBackup);
    if (SUCCEEDED(hr))
    {
        hr = pBackup->QueryInterface(IID_IWMBackupRestoreProps, (void **)&pProps);
    }
    if (SUCCEEDED(hr))
    {
        hr = pProps->SetProp(L"BackupPath", WMT_TYPE_STRING, (BYTE *)pwszFolder,
                             (WORD)((wcslen(pwszFolder) + 1) * sizeof(WCHAR)));
    }
    if (SUCCEEDED(hr))
    {
        hr = pBackup->BackupLicenses(dwFlags, pStatus);
    }
    if (SUCCEEDED(hr))
    {
        hr = pStatus->Wait();
    }
    SAFE_RELEASE(pProps);
    SAFE_RELEASE(pBackup);
    return hr;
}

int main(int argc, char *argv[])
{
    WCHAR wszFolder[MAX_PATH] = L"";

    if (argc != 2 || MultiByteToWideChar(CP_ACP, 0, argv[1], -1, wszFolder, MAX_PATH) == 0)
        return 2;
    if (FAILED(CoInitialize(NULL)))
        return 1;
    CBackupStatus *pStatus = new CBackupStatus();
    HRESULT hr = Backup(wszFolder, 0, pStatus);
    if (hr == NS_E_DRM_BACKUP_EXISTS)
    {
        printf("a backup is there: overwriting it\n");
        hr = Backup(wszFolder, WM_BACKUP_OVERWRITE, pStatus);
    }
    int cRestricted = pStatus->Restricted();
    ULONG cLeft = pStatus->Release();
    CoUninitialize();
    if (FAILED(hr))
    {
        printf("failed: 0x%08X\n", (unsigned int)hr);
        return 1;
    }
    printf("backed up, %d restricted, %u references\n", cRestricted, (unsigned int)cLeft);
    return 0;
}
