/*
 * Annotations of parameters, which say nothing to the compilers of this system. Those of older
 * SDKs (__in, __out_ecount(size)) are names in the C++ library, so they are there only with
 * -DWMLB_WMSDK_SAL, and headers of the C++ library that are not included here have to come before.
 */

#ifndef WMLB_WMSDK_SAL_H
#define WMLB_WMSDK_SAL_H

#ifndef _In_
#define _In_
#define _In_opt_
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#endif
#ifndef _In_z_
#define _In_z_
#define _In_opt_z_
#define _Inout_z_
#endif
#ifndef _In_reads_
#define _In_reads_(size)
#define _In_reads_opt_(size)
#define _In_reads_z_(size)
#define _In_reads_bytes_(size)
#define _In_reads_bytes_opt_(size)
#define _Out_writes_(size)
#define _Out_writes_opt_(size)
#define _Out_writes_z_(size)
#define _Out_writes_bytes_(size)
#define _Out_writes_bytes_opt_(size)
#define _Inout_updates_(size)
#define _Inout_updates_bytes_(size)
#endif
#ifndef _Outptr_
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#endif
#ifndef _COM_Outptr_
#define _COM_Outptr_
#define _COM_Outptr_opt_
#endif
#ifndef _Reserved_
#define _Reserved_
#endif
#ifndef _Check_return_
#define _Check_return_
#endif
#ifndef _Success_
#define _Success_(condition)
#endif

#ifdef WMLB_WMSDK_SAL
#ifdef __cplusplus
#include <algorithm>
#include <iostream>
#include <locale>
#include <map>
#include <string>
#include <vector>
#endif
#ifndef __in
#define __in
#define __in_opt
#define __out
#define __out_opt
#define __inout
#define __inout_opt
#define __reserved
#endif
#ifndef __in_ecount
#define __in_z
#define __in_ecount(size)
#define __in_ecount_opt(size)
#define __in_bcount(size)
#define __in_bcount_opt(size)
#define __out_ecount(size)
#define __out_ecount_opt(size)
#define __out_bcount(size)
#define __out_bcount_opt(size)
#define __inout_ecount(size)
#define __inout_bcount(size)
#define __deref_out
#define __deref_out_opt
#define __checkReturn
#endif
#endif

#endif
