/* Our headers beside others that have types of Windows, in both orders, as C and as C++. OURS and
 * THEIRS are their names, THEIRS_FIRST the order; HOLDS says what of theirs has to hold. */
#define COBJMACROS
#if defined(THEIRS_FIRST)
#include THEIRS
#endif
#include OURS
#if !defined(THEIRS_FIRST)
#include THEIRS
#endif

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define HAS_TO_HOLD(name, condition) typedef char name[(condition) ? 1 : -1] __attribute__((unused))
HAS_TO_HOLD(theirs_hold, HOLDS);
HAS_TO_HOLD(hresult_has_32_bits, sizeof(HRESULT) == 4 && sizeof(WORD) == 2 && sizeof(GUID) == 16);

/* X11 has a macro of this name. */
#undef Status
static volatile int ended, events, empty;

static void note(WMT_STATUS status, WMT_ATTR_DATATYPE type, const BYTE *value)
{
    __sync_fetch_and_add(&events, 1);
    if (type == WMT_TYPE_DWORD && *(const DWORD *)(const void *)value == 0)
        __sync_fetch_and_add(&empty, 1);
    if (status == WMT_BACKUPRESTORE_END || status == WMT_ERROR)
        __sync_fetch_and_add(&ended, 1);
}

#ifdef __cplusplus
class Callback : public IWMStatusCallback {
public:
    virtual ~Callback() {}
    STDMETHODIMP QueryInterface(REFIID riid, void **ppv)
    {
        *ppv = riid == IID_IWMStatusCallback ? this : NULL;
        return *ppv != NULL ? S_OK : E_NOINTERFACE;
    }
    STDMETHODIMP_(ULONG) AddRef() { return 2; }
    STDMETHODIMP_(ULONG) Release() { return 1; }
    STDMETHODIMP OnStatus(WMT_STATUS status, HRESULT, WMT_ATTR_DATATYPE type, BYTE *value, void *)
    {
        note(status, type, value);
        return S_OK;
    }
};
#define CALL(object, method, ...) (object)->method(__VA_ARGS__)
#define IID_OF(interface_name) IID_##interface_name
#else
static HRESULT STDMETHODCALLTYPE query(IWMStatusCallback *self, REFIID riid, void **ppv)
{
    (void)self, (void)riid, *ppv = NULL;
    return E_NOINTERFACE;
}
static ULONG STDMETHODCALLTYPE hold(IWMStatusCallback *self) { return (void)self, 2; }
static ULONG STDMETHODCALLTYPE let_go(IWMStatusCallback *self) { return (void)self, 1; }
static HRESULT STDMETHODCALLTYPE on_status(IWMStatusCallback *self, WMT_STATUS status, HRESULT hr,
                                           WMT_ATTR_DATATYPE type, BYTE *value, void *context)
{
    (void)self, (void)hr, (void)context;
    note(status, type, value);
    return S_OK;
}
static IWMStatusCallbackVtbl vtbl = {query, hold, let_go, on_status};
#define CALL(object, method, ...) (object)->lpVtbl->method(object, __VA_ARGS__)
#define IID_OF(interface_name) &IID_##interface_name
#endif

int main(int argc, char **argv)
{
    static const char name[] = "BackupPath";
    WCHAR wide_name[sizeof name], path[260];
    IWMLicenseBackup *backup = NULL;
    IWMBackupRestoreProps *props = NULL;
    unsigned i;
#ifdef __cplusplus
    Callback callback;
#else
    IWMStatusCallback callback;
    callback.lpVtbl = &vtbl;
#endif
    if (argc != 2)
        return 2;
    for (i = 0; i < sizeof name; i++)
        wide_name[i] = (WCHAR)name[i];
    for (i = 0; i == 0 || argv[1][i - 1] != 0; i++)
        path[i] = (WCHAR)argv[1][i];
    if (FAILED(WMCreateBackupRestorer(NULL, &backup)))
        return 3;
    if (FAILED(CALL(backup, QueryInterface, IID_OF(IWMBackupRestoreProps), (void **)&props)))
        return 4;
    if (FAILED(CALL(props, SetProp, wide_name, WMT_TYPE_STRING, (const BYTE *)path,
                    (WORD)(i * sizeof(WCHAR)))))
        return 5;
    if (FAILED(CALL(backup, BackupLicenses, WM_BACKUP_OVERWRITE, &callback)))
        return 6;
    while (!ended)
        sched_yield();
#ifdef __cplusplus
    props->Release();
    backup->Release();
#else
    IWMBackupRestoreProps_Release(props);
    IWMLicenseBackup_Release(backup);
#endif
    printf("%s first: %d events\n",
#ifdef THEIRS_FIRST
           "theirs",
#else
           "ours",
#endif
           events);
    return empty == 1 && ended == 1 ? 0 : 1;
}
