// The backup restorer object for callers by COM: mono and .NET, Rust's windows crate, C, and C++ of
// any standard. WMCreateBackupRestorer is that of the SDK, with strings of 16 bits; wmsdkidl.h
// calls the other one where WCHAR has 32 bits. Compiled once for each.
#include "wmsdk/wmlb/restorer.hpp"

#if defined(WMLB_WMSDK_UTF16) || defined(WMLB_TYPES_OF_WINE)
#define CREATE WMCreateBackupRestorer
#else
#define CREATE wmlb_WMCreateBackupRestorer_utf32
#endif

extern "C" HRESULT WINAPI CREATE(IUnknown *callback, IWMLicenseBackup **backup)
{
    (void)callback;
    return wmlb_wmsdk::create(backup);
}
