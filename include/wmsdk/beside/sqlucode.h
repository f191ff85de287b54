/* unixODBC's, beside the types of Windows of this folder. */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include "wmlb_odbc_begin.h"
#include_next <sqlucode.h>
#include "wmlb_odbc_end.h"
