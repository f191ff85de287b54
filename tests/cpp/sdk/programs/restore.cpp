// A program as they are written for Windows: restores licenses with a callback class of the older
// kind, declared with __RPC_FAR and STDMETHOD, in strings of TCHAR. usage: restore FOLDER
#include <objbase.h>
#include <tchar.h>
#include <stdio.h>
#include "wmsdk.h"
#include "nserror.h"

class CRestoreCallback : public IWMStatusCallback
{
public:
    CRestoreCallback();
    ~CRestoreCallback();

    //
    // IUnknown methods
    //
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(
        /* [in] */ REFIID riid,
        /* [out] */ void __RPC_FAR *__RPC_FAR *ppvObject);
    virtual ULONG STDMETHODCALLTYPE AddRef(void);
    virtual ULONG STDMETHODCALLTYPE Release(void);

    //
    // IWMStatusCallback methods
    //
    virtual HRESULT STDMETHODCALLTYPE OnStatus(
        /* [in] */ WMT_STATUS Status,
        /* [in] */ HRESULT hr,
        /* [in] */ WMT_ATTR_DATATYPE dwType,
        /* [in] */ BYTE __RPC_FAR *pValue,
        /* [in] */ void __RPC_FAR *pvContext);

    HRESULT Restore(IN const WCHAR *pwszFolder);

private:
    HANDLE m_hEvent;
    HRESULT m_hrAsync;
    BOOL m_fConnected;
    LONG m_cRef;
    IWMLicenseRestore *m_pRestore;
};

CRestoreCallback::CRestoreCallback()
{
    m_cRef = 1;
    m_hrAsync = S_OK;
    m_fConnected = FALSE;
    m_pRestore = NULL;
    m_hEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
}

CRestoreCallback::~CRestoreCallback()
{
    if (m_pRestore)
        m_pRestore->Release();
    if (m_hEvent)
        CloseHandle(m_hEvent);
}

STDMETHODIMP CRestoreCallback::QueryInterface(REFIID riid, void **ppvObject)
{
    if (IsEqualIID(riid, IID_IWMStatusCallback) || IsEqualIID(riid, IID_IUnknown))
        *ppvObject = (IWMStatusCallback *)this;
    else
    {
        *ppvObject = NULL;
        return E_NOINTERFACE;
    }
    AddRef();
    return S_OK;
}

STDMETHODIMP_(ULONG) CRestoreCallback::AddRef()
{
    return InterlockedIncrement(&m_cRef);
}

STDMETHODIMP_(ULONG) CRestoreCallback::Release()
{
    if (0 == InterlockedDecrement(&m_cRef))
    {
        delete this;
        return 0;
    }
    return m_cRef;
}

HRESULT CRestoreCallback::OnStatus(WMT_STATUS Status, HRESULT hr, WMT_ATTR_DATATYPE dwType,
                                   BYTE *pValue, void *pvContext)
{
    switch (Status)
    {
    case WMT_OPENED:
    case WMT_STARTED:
    case WMT_STOPPED:
    case WMT_CLOSED:
    case WMT_INDEX_PROGRESS:
        _tprintf(_T("not expected here\n"));
        break;

    case WMT_BACKUPRESTORE_CONNECTING:
        m_fConnected = TRUE;
        break;

    case WMT_BACKUPRESTORE_DISCONNECTING:
    case WMT_BACKUPRESTORE_BEGIN:
        _tprintf(_T("status %d\n"), (int)Status);
        break;

    case WMT_ERROR_WITHURL:
        _tprintf(_T("see %ls\n"), (WCHAR *)pValue);
    case WMT_ERROR:
    case WMT_BACKUPRESTORE_END:
        if (dwType == WMT_TYPE_STRING && pvContext == NULL)
            m_hrAsync = hr;
        SetEvent(m_hEvent);
        break;

    default:
        break;
    };
    return S_OK;
}

HRESULT CRestoreCallback::Restore(const WCHAR *pwszFolder)
{
    HRESULT hr = S_OK;
    IWMLicenseBackup *pBackup = NULL;
    IWMBackupRestoreProps *pProps = NULL;

    do
    {
        hr = WMCreateBackupRestorer((IUnknown *)(IWMStatusCallback *)this, &pBackup);
        if (FAILED(hr))
            break;
        hr = pBackup->QueryInterface(__uuidof(IWMLicenseRestore), (LPVOID *)&m_pRestore);
        if (FAILED(hr))
            break;
        hr = pBackup->QueryInterface(IID_PPV_ARGS(&pProps));
        if (FAILED(hr))
            break;
        WORD cbPath = (WORD)(sizeof(WCHAR) * (wcslen(pwszFolder) + 1));
        hr = pProps->SetProp(L"RestorePath", WMT_TYPE_STRING, (const BYTE *)pwszFolder, cbPath);
        if (FAILED(hr))
            break;
        ResetEvent(m_hEvent);
        hr = m_pRestore->RestoreLicenses(0, this);
        if (FAILED(hr))
            break;
        if (WAIT_OBJECT_0 != WaitForSingleObject(m_hEvent, INFINITE))
            hr = E_UNEXPECTED;
        else
            hr = m_hrAsync;
    } while (FALSE);

    if (pProps)
        pProps->Release();
    if (pBackup)
        pBackup->Release();
    return SUCCEEDED(hr) && !m_fConnected ? E_FAIL : hr;
}

int __cdecl _tmain(int argc, _TCHAR *argv[])
{
    if (argc != 2)
    {
        _tprintf(_T("usage: restore folder\n"));
        return 2;
    }
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr))
        return 1;
    int cch = MultiByteToWideChar(CP_ACP, MB_PRECOMPOSED, argv[1], -1, NULL, 0);
    WCHAR *pwszFolder = (WCHAR *)CoTaskMemAlloc(cch * sizeof(WCHAR));
    MultiByteToWideChar(CP_ACP, MB_PRECOMPOSED, argv[1], -1, pwszFolder, cch);

    CRestoreCallback *pCallback = new CRestoreCallback;
    hr = pCallback->Restore(pwszFolder);
    pCallback->Release();
    CoTaskMemFree(pwszFolder);
    CoUninitialize();
    if (hr == NS_E_DRM_NEEDS_INDIVIDUALIZATION || hr == NS_E_BACKUP_RESTORE_TOO_MANY_RESETS)
        _tprintf(_T("not on this computer\n"));
    _tprintf(_T("result 0x%08X\n"), (unsigned)hr);
    return hr == S_OK ? 0 : 1;
}
