/* The SDK's header that includes the others. */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#ifndef WMLB_WMSDK_WMSDK_H
#define WMLB_WMSDK_WMSDK_H

#include "wmsdkidl.h"
#include "nserror.h"

#if defined(WMLB_TYPES_OF_WINE) && defined(__has_include_next)
#if __has_include_next(<wmsdk.h>)
#include_next <wmsdk.h>
#endif
#endif

#endif
