// A program as they are written for Windows: of wide strings throughout, with the annotations of
// older SDKs, as the samples that show licenses are. usage: wide FOLDER, whose name may have
// characters that are not ASCII
#define UNICODE
#define _UNICODE
#include <windows.h>
#include <tchar.h>
#include <stdio.h>
#include <wmsdk.h>

#include <string>
#include <vector>

class CWaiter : public IWMStatusCallback
{
public:
    CWaiter() : m_cRef(1), m_hr(S_OK), m_hEvent(CreateEvent(NULL, FALSE, FALSE, NULL)) {}

    HRESULT STDMETHODCALLTYPE QueryInterface(__in REFIID riid, __deref_out void **ppv)
    {
        *ppv = IsEqualIID(riid, __uuidof(IWMStatusCallback)) ? this : NULL;
        return *ppv ? S_OK : E_NOINTERFACE;
    }
    ULONG STDMETHODCALLTYPE AddRef() { return InterlockedIncrement(&m_cRef); }
    ULONG STDMETHODCALLTYPE Release() { return InterlockedDecrement(&m_cRef); }

    HRESULT STDMETHODCALLTYPE OnStatus(_In_ WMT_STATUS Status, _In_ HRESULT hr, _In_ WMT_ATTR_DATATYPE dwType,
                                       __in_opt BYTE *pValue, _In_opt_ void *)
    {
        if (Status == WMT_RESTRICTED_LICENSE && dwType == WMT_TYPE_STRING)
            m_vKeyIds.push_back((LPCTSTR)pValue);
        if (Status == WMT_BACKUPRESTORE_END || Status == WMT_ERROR)
        {
            m_strPath = (LPCTSTR)pValue;
            m_hr = hr;
            SetEvent(m_hEvent);
        }
        return S_OK;
    }

    HRESULT Wait()
    {
        WaitForSingleObject(m_hEvent, INFINITE);
        CloseHandle(m_hEvent);
        return m_hr;
    }

    std::vector<std::wstring> m_vKeyIds;
    std::wstring m_strPath;

private:
    LONG m_cRef;
    HRESULT m_hr;
    HANDLE m_hEvent;
};

static HRESULT Backup(__in_ecount(cchFolder) LPCTSTR ptszFolder, size_t cchFolder, __inout CWaiter *pWaiter)
{
    IWMLicenseBackup *pBackup = NULL;
    IWMBackupRestoreProps *pProps = NULL;
    HRESULT hr = WMCreateBackupRestorer(pWaiter, &pBackup);
    if (SUCCEEDED(hr))
        hr = pBackup->QueryInterface(IID_PPV_ARGS(&pProps));
    if (SUCCEEDED(hr))
        hr = pProps->SetProp(TEXT("BackupPath"), WMT_TYPE_STRING, (BYTE *)ptszFolder,
                             (WORD)((cchFolder + 1) * sizeof(TCHAR)));
    if (SUCCEEDED(hr))
        hr = pBackup->BackupLicenses(WM_BACKUP_OVERWRITE, pWaiter);
    if (SUCCEEDED(hr))
        hr = pWaiter->Wait();
    if (pProps)
        pProps->Release();
    if (pBackup)
        pBackup->Release();
    return hr;
}

int __cdecl _tmain(int argc, __in_ecount(argc) LPTSTR argv[])
{
    if (argc != 2)
    {
        _tprintf(_T("usage: wide folder\n"));
        return 2;
    }
    CWaiter waiter;
    HRESULT hr = Backup(argv[1], _tcslen(argv[1]), &waiter);
    _tprintf(_T("%d licenses may not be backed up, %d characters, 0x%08X\n"), (int)waiter.m_vKeyIds.size(),
             (int)_tcslen(argv[1]), (unsigned)hr);
    std::wstring strExpected(argv[1]);
    strExpected += _T("/licenses.wmlb");
    return hr == S_OK && waiter.m_strPath == strExpected && !waiter.m_vKeyIds.empty() ? 0 : 1;
}
