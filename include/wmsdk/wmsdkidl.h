/* The SDK's interfaces and numbers, as far as the backup restorer has them. */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(__has_include_next)
#if __has_include_next(<wmsdkidl.h>)
#include_next <wmsdkidl.h>
#endif
#endif

#ifndef WMLB_WMSDK_WMSDKIDL_H
#define WMLB_WMSDK_WMSDKIDL_H

#include "windows.h"
#include "wmlb/interfaces.h"

/* Of libwmvcore.so; wmlb_wmsdk.hpp has it in the header. pCallback may be NULL: what is called
 * is the callback that an operation is started with. */
#if !defined(WMLB_WMSDK_HPP) && !defined(WMLB_TYPES_OF_WINE)
#define WMLB_WMSDK_CREATE_DECLARED
EXTERN_C HRESULT WINAPI WMCreateBackupRestorer(IUnknown *pCallback, IWMLicenseBackup **ppBackup)
    WMLB_SYMBOL_OF_WCHAR("WMCreateBackupRestorer", "wmlb_WMCreateBackupRestorer_utf32");
#endif

#endif
