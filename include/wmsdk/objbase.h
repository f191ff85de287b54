/* COM: all of it is in windows.h. */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(__has_include_next)
#if __has_include_next(<objbase.h>)
#include_next <objbase.h>
#endif
#endif

#include "windows.h"
