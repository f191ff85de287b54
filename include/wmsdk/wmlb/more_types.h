/* Types and macros of windows.h besides those in types.h. */

#ifndef WMLB_WMSDK_MORE_TYPES_H
#define WMLB_WMSDK_MORE_TYPES_H

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include "types.h"
#include "sal.h"

#ifdef WMLB_TYPES_OF_WINPR
#include <winpr/handle.h>
#include <winpr/interlocked.h>
#include <winpr/synch.h>
#include <winpr/sysinfo.h>
#include <winpr/thread.h>
#endif

/* ---- numbers ---- */

#ifndef WMLB_TYPES_OF_WINPR
#if !defined(VOID) && !defined(WMLB_TYPES_OF_DXVK) && !defined(WMLB_TYPES_OF_DIRECTX)
#define VOID void
#endif
typedef char CHAR;
typedef unsigned char UCHAR;
typedef short SHORT;
typedef unsigned short USHORT;
typedef int INT;
typedef unsigned int UINT;
typedef float FLOAT;
typedef double DOUBLE;
#ifndef WMLB_TYPES_OF_DIRECTX
typedef BYTE BOOLEAN;
#endif
/* X11 has these too, and INT32 as a long where that has 32 bits. libjpeg's INT32 is a long always,
 * unless it sees the guard of the header that has it on Windows. */
#if !defined(XMD_H) && defined(__LP64__)
typedef int8_t INT8;
typedef int16_t INT16;
#ifndef JPEGLIB_H
typedef int32_t INT32;
#ifndef _BASETSD_H_
#define _BASETSD_H_
#endif
#endif
typedef int64_t INT64;
#endif
typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG;
typedef uint64_t DWORDLONG;
typedef intptr_t INT_PTR;
typedef uintptr_t UINT_PTR;
typedef intptr_t LONG_PTR;
typedef uintptr_t ULONG_PTR;
typedef uintptr_t DWORD_PTR;
typedef size_t SIZE_T;
typedef uint64_t QWORD;

typedef void *PVOID;
typedef const void *LPCVOID;
typedef BYTE *PBYTE, *LPBYTE;
typedef const BYTE *LPCBYTE;
typedef WORD *PWORD, *LPWORD;
typedef DWORD *PDWORD, *LPDWORD;
typedef LONG *PLONG, *LPLONG;
typedef ULONG *PULONG;
typedef int *PINT, *LPINT;
typedef BOOL *PBOOL, *LPBOOL;
typedef QWORD *PQWORD;

typedef char *LPSTR, *PSTR, *PCHAR;
typedef const char *LPCSTR, *PCSTR;
typedef WCHAR *PWSTR, *PWCHAR;
typedef const WCHAR *PCWSTR;
#if !defined(WMLB_TYPES_OF_DIRECTX) && !defined(WMLB_TYPES_OF_PCSC) && !defined(__SQLTYPES_H)
#ifdef UNICODE
typedef WCHAR TCHAR;
typedef LPWSTR LPTSTR;
typedef LPCWSTR LPCTSTR;
#else
typedef char TCHAR;
typedef LPSTR LPTSTR;
typedef LPCSTR LPCTSTR;
#endif
#elif !defined(WMLB_TYPES_OF_DIRECTX)
#ifdef WMLB_TYPES_OF_PCSC
typedef char TCHAR;
#else
typedef const TCHAR *LPCTSTR;
#endif
#endif

typedef void *HANDLE;
typedef HANDLE *PHANDLE, *LPHANDLE;
#ifndef WMLB_TYPES_OF_DIRECTX
typedef HANDLE HWND;
#endif
typedef HANDLE HINSTANCE;
typedef HANDLE HMODULE;

#ifndef WMLB_TYPES_OF_DXVK
#ifndef WMLB_TYPES_OF_DIRECTX
typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES;
#endif
#endif
typedef SECURITY_ATTRIBUTES *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;
#endif

typedef WCHAR OLECHAR;
typedef OLECHAR *LPOLESTR;
typedef const OLECHAR *LPCOLESTR;

/* ---- words of declarations ---- */

#ifndef CONST
#define CONST const
#endif
#ifndef FAR
#define FAR
#endif
#ifndef NEAR
#define NEAR
#endif
#ifndef IN
#define IN
#endif
#ifndef OUT
#define OUT
#endif
#ifndef OPTIONAL
#define OPTIONAL
#endif
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef APIENTRY
#define APIENTRY WINAPI
#endif
#ifndef PASCAL
#define PASCAL
#endif
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __cdecl
#define __cdecl
#endif
#ifndef _cdecl
#define _cdecl
#endif
#ifndef __RPC_FAR
#define __RPC_FAR
#endif
#ifndef __RPC_STUB
#define __RPC_STUB
#endif
#ifndef __RPC_USER
#define __RPC_USER
#endif
#ifndef STDAPICALLTYPE
#define STDAPICALLTYPE WINAPI
#endif
#ifndef STDAPI
#define STDAPI EXTERN_C HRESULT STDAPICALLTYPE
#define STDAPI_(type) EXTERN_C type STDAPICALLTYPE
#endif
#ifndef interface
#define interface struct
#endif
#ifndef MIDL_INTERFACE
#define MIDL_INTERFACE(uuid) struct
#endif
#ifndef DECLSPEC_UUID
#define DECLSPEC_UUID(uuid)
#endif
#ifndef DECLSPEC_NOVTABLE
#define DECLSPEC_NOVTABLE
#endif
#ifndef BEGIN_INTERFACE
#define BEGIN_INTERFACE
#define END_INTERFACE
#endif
#ifndef PURE
#if defined(__cplusplus) && !defined(CINTERFACE)
#define PURE = 0
#else
#define PURE
#endif
#endif
#ifndef THIS_
#if defined(__cplusplus) && !defined(CINTERFACE)
#define THIS_
#define THIS void
#else
#define THIS_ INTERFACE *This,
#define THIS INTERFACE *This
#endif
#endif
#ifndef DECLARE_INTERFACE
#if defined(__cplusplus) && !defined(CINTERFACE)
#define DECLARE_INTERFACE(name) struct name
#define DECLARE_INTERFACE_(name, base) struct name : public base
#else
#define DECLARE_INTERFACE(name)                 \
    typedef struct name##Vtbl name##Vtbl;       \
    typedef struct name {                       \
        CONST_VTBL struct name##Vtbl *lpVtbl;   \
    } name;                                     \
    struct name##Vtbl
#define DECLARE_INTERFACE_(name, base) DECLARE_INTERFACE(name)
#endif
#endif
#ifndef DEFINE_GUID
#ifdef INITGUID
#define DEFINE_GUID(name, one, two, three, a, b, c, d, e, f, g, h)  \
    EXTERN_C const GUID name;                                       \
    EXTERN_C const GUID name __attribute__((weak)) = {one, two, three, {a, b, c, d, e, f, g, h}}
#else
#define DEFINE_GUID(name, one, two, three, a, b, c, d, e, f, g, h) EXTERN_C const GUID name
#endif
#endif

/* ---- helpers ---- */

#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif
#ifndef MAX_PATH
#define MAX_PATH 260
#endif
#ifndef ARRAYSIZE
#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef _countof
#define _countof(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef ZeroMemory
#define ZeroMemory(to, size) memset((to), 0, (size))
#define CopyMemory(to, from, size) memcpy((to), (from), (size))
#define MoveMemory(to, from, size) memmove((to), (from), (size))
#define FillMemory(to, size, byte) memset((to), (byte), (size))
#endif
#ifndef MAKE_HRESULT
#define MAKE_HRESULT(severity, facility, code) \
    ((HRESULT)(((uint32_t)(severity) << 31) | ((uint32_t)(facility) << 16) | (uint32_t)(code)))
#endif
#ifndef HRESULT_CODE
#define HRESULT_CODE(hr) ((hr) & 0xFFFF)
#define HRESULT_FACILITY(hr) (((hr) >> 16) & 0x1FFF)
#define HRESULT_SEVERITY(hr) (((hr) >> 31) & 0x1)
#endif

#endif
