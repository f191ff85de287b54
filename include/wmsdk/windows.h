/*
 * What programs for the Windows Media Format SDK's backup restorer use of Windows: types, COM,
 * events and waits, threads, strings. A thin header: where another windows.h comes after this
 * folder on the include path (Wine's, dxvk-native's), that one is included, and this one adds
 * what it does not have. The functions are in libwmvcore.so: pkg-config wmlb-wmsdk.
 */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(__has_include_next)
#if __has_include_next(<windows.h>)
#include_next <windows.h>
#endif
#endif

#ifndef WMLB_WMSDK_WINDOWS_H
#define WMLB_WMSDK_WINDOWS_H

#include "wmlb/types.h"
#ifndef WMLB_TYPES_OF_WINE
#include "wmlb/more_types.h"
#include "wmlb/interfaces.h"
#include "wmlb/kernel.h"
#include "wmlb/strings.h"
#ifndef WMLB_TYPES_OF_WINPR
#include "wmlb/main.h"
#endif
#endif

#endif
