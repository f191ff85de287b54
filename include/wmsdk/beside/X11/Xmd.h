/*
 * X11's, whose BOOL is a byte of its protocol. Where BOOL is a type of Windows already, the name
 * means X11's from here on, as it does when Xmd.h is included first.
 */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(WMLB_WMSDK_TYPES_H) && !defined(XMD_H) && !defined(BOOL)
#define BOOL wmlb_x11_BOOL
#endif
#include_next <X11/Xmd.h>
