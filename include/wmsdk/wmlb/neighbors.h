/*
 * Other libraries' headers have the types of Windows too: Wine's, DirectX-Headers', dxvk-native's,
 * WinPR's, pcsc-lite's. Those that were included before, or else that are on the include path (all
 * of these are there only when somebody put them there), are included first, and their types are
 * taken: WMLB_TYPES_OF_... says whose. Both orders of the headers mean the same then.
 */

#ifndef WMLB_WMSDK_NEIGHBORS_H
#define WMLB_WMSDK_NEIGHBORS_H

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(__has_include)
#define WMLB_CAN_INCLUDE(header) __has_include(header)
#else
#define WMLB_CAN_INCLUDE(header) 0
#endif

/* Whose are there? dxvk-native has no guard. */
#if defined(_WINDEF_)
#define WMLB_TYPES_OF_WINE
#elif defined(WINPR_WTYPES_H)
#define WMLB_TYPES_OF_WINPR
#elif defined(__wintypes_h__)
#define WMLB_TYPES_OF_PCSC
#elif defined(DECLARE_UUIDOF_HELPER)
#define WMLB_TYPES_OF_DXVK
#elif defined(__unknwnbase_h__) && defined(RPC_NO_WINDOWS_H)
#define WMLB_TYPES_OF_DIRECTX
#elif WMLB_CAN_INCLUDE(<windef.h>)
#define WMLB_TYPES_OF_WINE
#elif WMLB_CAN_INCLUDE(<windows_base.h>)
#define WMLB_TYPES_OF_DXVK
#elif WMLB_CAN_INCLUDE(<wsl/winadapter.h>) && WMLB_CAN_INCLUDE(<unknwnbase.h>)
#define WMLB_TYPES_OF_DIRECTX
#elif WMLB_CAN_INCLUDE(<winpr/wtypes.h>)
#define WMLB_TYPES_OF_WINPR
#elif WMLB_CAN_INCLUDE(<wintypes.h>)
#define WMLB_TYPES_OF_PCSC
#endif

#if defined(WMLB_TYPES_OF_WINE)
/* Without winsock.h, whose struct timeval is not that of the system's headers. */
#ifdef WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#undef WIN32_LEAN_AND_MEAN
#endif
#include <ole2.h>
#elif defined(WMLB_TYPES_OF_DXVK)
#include <windows_base.h>
#include <unknwn.h>
#elif defined(WMLB_TYPES_OF_DIRECTX)
#include <wsl/winadapter.h>
#elif defined(WMLB_TYPES_OF_WINPR)
#include <winpr/wtypes.h>
#include <winpr/error.h>
#elif defined(WMLB_TYPES_OF_PCSC)
#include <wintypes.h>
#endif

#endif
