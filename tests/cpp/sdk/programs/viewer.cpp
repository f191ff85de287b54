// A program as they are written for Windows: a thread of its own that backs up, cancels and
// reports under a critical section, as a viewer of licenses does. usage: viewer FOLDER
#include <windows.h>
#include <wmsdk.h>
#include <stdio.h>

#define EVENT_DONE 0
#define EVENT_STOP 1

typedef struct _VIEWER_LINE
{
    WCHAR wszKeyId[64];
    struct _VIEWER_LINE *pNext;
} VIEWER_LINE;

class CViewer : public IWMStatusCallback
{
public:
    CViewer() : m_lRefCount(1), m_pLines(NULL), m_hr(S_OK)
    {
        InitializeCriticalSection(&m_lock);
        m_rghEvents[EVENT_DONE] = CreateEventW(NULL, FALSE, FALSE, NULL);
        m_rghEvents[EVENT_STOP] = CreateEventW(NULL, TRUE, FALSE, NULL);
    }

    STDMETHOD(QueryInterface)(REFIID riid, LPVOID *ppv)
    {
        if (riid != IID_IUnknown && riid != IID_IWMStatusCallback)
            return *ppv = NULL, E_NOINTERFACE;
        *ppv = (LPVOID)static_cast<LPUNKNOWN>(this);
        AddRef();
        return NOERROR;
    }
    STDMETHOD_(ULONG, AddRef)() { return InterlockedIncrement(&m_lRefCount); }
    STDMETHOD_(ULONG, Release)()
    {
        ULONG uRet = InterlockedDecrement(&m_lRefCount);
        if (uRet == 0)
            delete this;
        return uRet;
    }

    STDMETHOD(OnStatus)(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType, BYTE *pValue, void *)
    {
        EnterCriticalSection(&m_lock);
        if (Status == WMT_RESTRICTED_LICENSE && dwType == WMT_TYPE_STRING)
        {
            VIEWER_LINE *pLine = (VIEWER_LINE *)CoTaskMemAlloc(sizeof(VIEWER_LINE));
            ZeroMemory(pLine, sizeof(*pLine));
            lstrcpynW(pLine->wszKeyId, (LPCWSTR)pValue, ARRAYSIZE(pLine->wszKeyId));
            pLine->pNext = m_pLines;
            m_pLines = pLine;
        }
        else if (Status == WMT_BACKUPRESTORE_END || FAILED(hr))
        {
            m_hr = hr;
            SetEvent(m_rghEvents[EVENT_DONE]);
        }
        LeaveCriticalSection(&m_lock);
        return S_OK;
    }

    HRESULT Run(LPWSTR pwszFolder)
    {
        DWORD dwId = 0, dwCode = 0;
        m_pwszFolder = pwszFolder;
        HANDLE hThread = CreateThread(NULL, 0, ThreadProc, this, 0, &dwId);
        if (hThread == NULL)
            return HRESULT_FROM_WIN32(GetLastError());
        if (WaitForSingleObject(hThread, INFINITE) == WAIT_FAILED || !GetExitCodeThread(hThread, &dwCode))
            return E_FAIL;
        CloseHandle(hThread);
        return (HRESULT)dwCode;
    }

    int Count()
    {
        int c = 0;
        EnterCriticalSection(&m_lock);
        for (VIEWER_LINE *p = m_pLines; p != NULL; p = p->pNext)
            c += p->wszKeyId[0] != L'\0';
        LeaveCriticalSection(&m_lock);
        return c;
    }

private:
    virtual ~CViewer()
    {
        while (m_pLines != NULL)
        {
            VIEWER_LINE *pNext = m_pLines->pNext;
            CoTaskMemFree(m_pLines);
            m_pLines = pNext;
        }
        CloseHandle(m_rghEvents[EVENT_DONE]);
        CloseHandle(m_rghEvents[EVENT_STOP]);
        DeleteCriticalSection(&m_lock);
    }

    static DWORD WINAPI ThreadProc(LPVOID pParam)
    {
        return (DWORD)((CViewer *)pParam)->Backup();
    }

    HRESULT Backup()
    {
        IWMLicenseBackup *pBackup = NULL;
        IWMBackupRestoreProps *pProps = NULL;
        HRESULT hr = WMCreateBackupRestorer(this, &pBackup);
        if (FAILED(hr))
            return hr;
        hr = pBackup->QueryInterface(&pProps);
        if (SUCCEEDED(hr))
            hr = pProps->SetProp(L"BackupPath", WMT_TYPE_STRING, (BYTE *)m_pwszFolder,
                                 (WORD)((lstrlenW(m_pwszFolder) + 1) * sizeof(WCHAR)));
        if (SUCCEEDED(hr))
            hr = pBackup->BackupLicenses(WM_BACKUP_OVERWRITE, this);
        if (SUCCEEDED(hr))
        {
            switch (WaitForMultipleObjects(2, m_rghEvents, FALSE, INFINITE))
            {
            case WAIT_OBJECT_0 + EVENT_DONE:
                hr = m_hr;
                break;
            case WAIT_OBJECT_0 + EVENT_STOP:
                hr = pBackup->CancelLicenseBackup();
                break;
            default:
                hr = E_UNEXPECTED;
            }
        }
        if (pProps != NULL)
            pProps->Release();
        pBackup->Release();
        return hr;
    }

    LONG m_lRefCount;
    CRITICAL_SECTION m_lock;
    HANDLE m_rghEvents[2];
    LPWSTR m_pwszFolder;
    VIEWER_LINE *m_pLines;
    HRESULT m_hr;
};

int main(int argc, char **argv)
{
    WCHAR wszFolder[MAX_PATH];
    if (argc < 2)
        return 2;
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, argv[1], -1, wszFolder, MAX_PATH))
        return 1;
    CoInitialize(NULL);
    CViewer *pViewer = new CViewer;
    HRESULT hr = pViewer->Run(wszFolder);
    printf("%d licenses may not be backed up, 0x%08lX\n", pViewer->Count(), (unsigned long)hr);
    pViewer->Release();
    CoUninitialize();
    return SUCCEEDED(hr) ? 0 : 1;
}
