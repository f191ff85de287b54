/*
 * The types and macros of Windows that the interfaces of the backup restorer stand on, for C
 * and C++: those of another library where neighbors.h finds one, else these.
 *
 * WCHAR is wchar_t, so that L"..." is a WCHAR string; it has 16 bits with -fshort-wchar, else 32.
 * With -DWMLB_WMSDK_UTF16 it has 16 bits and is char16_t, so that u"..." is one.
 */

#ifndef WMLB_WMSDK_TYPES_H
#define WMLB_WMSDK_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "neighbors.h"

#if defined(WMLB_WMSDK_UTF16) && !defined(__cplusplus)
#include <uchar.h>
#endif

/* ---- numbers and strings ---- */

#if !defined(WMLB_TYPES_OF_WINE) && !defined(WMLB_TYPES_OF_WINPR)
typedef unsigned char BYTE;
typedef unsigned short WORD;
typedef void *LPVOID;
#ifndef WMLB_TYPES_OF_PCSC
typedef uint32_t DWORD;
typedef int32_t LONG;
#endif
/* unixODBC has ULONG, WCHAR, and a macro BOOL; iODBC has ULONG; X11 has a BOOL of a byte. */
#if !defined(WMLB_TYPES_OF_PCSC) && !defined(_SQLTYPES_H) && \
    (!defined(__SQLTYPES_H) || defined(ALREADY_HAVE_WINDOWS_TYPE))
typedef uint32_t ULONG;
#endif
#if !defined(WMLB_TYPES_OF_PCSC) && !defined(WMLB_TYPES_OF_DIRECTX) && !defined(XMD_H) && \
    !defined(BOOL)
typedef int BOOL;
#endif
typedef int32_t HRESULT;
#endif

#if defined(WMLB_TYPES_OF_WINE) && !defined(WINE_UNICODE_NATIVE)
#define WMLB_WCHAR_SIZE 2
#elif defined(WMLB_TYPES_OF_WINPR) || (defined(__SQLTYPES_H) && !defined(ALREADY_HAVE_WINDOWS_TYPE))
#define WMLB_WCHAR_SIZE 2
#elif defined(WMLB_TYPES_OF_WINE) || defined(WMLB_TYPES_OF_DXVK) || defined(WMLB_TYPES_OF_DIRECTX)
#define WMLB_WCHAR_SIZE __SIZEOF_WCHAR_T__
#else
#ifdef WMLB_WMSDK_UTF16
#define WMLB_WCHAR_SIZE 2
typedef char16_t WCHAR;
#else
#define WMLB_WCHAR_SIZE __SIZEOF_WCHAR_T__
typedef wchar_t WCHAR;
#endif
typedef WCHAR *LPWSTR;
typedef const WCHAR *LPCWSTR;
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

/* ---- GUIDs ---- */

#if !defined(GUID_DEFINED) && !defined(WMLB_TYPES_OF_WINPR) && !defined(WMLB_TYPES_OF_DIRECTX)
#define GUID_DEFINED
typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2, Data3;
    uint8_t Data4[8];
} GUID;
#endif

/* JPEG XR has a guiddef.h with the rest; ours takes its place. */
#ifndef _GUIDDEF_H_
#define _GUIDDEF_H_
#ifndef WMLB_TYPES_OF_WINPR
typedef GUID IID;
typedef GUID CLSID;
#endif
#undef REFGUID
#undef REFIID
#undef REFCLSID
#ifdef __cplusplus
#define REFGUID const GUID &
#define REFIID const IID &
#define REFCLSID const CLSID &
#define IsEqualGUID(one, other) (memcmp(&(one), &(other), sizeof(GUID)) == 0)
#if !defined(WMLB_TYPES_OF_DIRECTX) && !defined(WMLB_TYPES_OF_DXVK)
inline bool operator==(const GUID &one, const GUID &other) { return IsEqualGUID(one, other); }
inline bool operator!=(const GUID &one, const GUID &other) { return !IsEqualGUID(one, other); }
#endif
#else
#define REFGUID const GUID *
#define REFIID const IID *
#define REFCLSID const CLSID *
#define IsEqualGUID(one, other) (memcmp((one), (other), sizeof(GUID)) == 0)
#endif
#define IsEqualIID(one, other) IsEqualGUID(one, other)
#define IsEqualCLSID(one, other) IsEqualGUID(one, other)
#endif

/* ---- COM ---- */

#ifndef EXTERN_C
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif
#endif
#ifndef WINAPI
#define WINAPI
#endif
#ifndef STDMETHODCALLTYPE
#define STDMETHODCALLTYPE
#endif
#ifndef STDMETHODIMP
#define STDMETHODIMP HRESULT STDMETHODCALLTYPE
#define STDMETHODIMP_(type) type STDMETHODCALLTYPE
#endif
#ifndef STDMETHOD
#if defined(__cplusplus) && !defined(CINTERFACE)
#define STDMETHOD(method) virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#else
#define STDMETHOD(method) HRESULT(STDMETHODCALLTYPE *method)
#define STDMETHOD_(type, method) type(STDMETHODCALLTYPE *method)
#endif
#endif

/* Functions of libwmvcore.so have symbols of their own there, so that they meet nobody else's;
 * those that take or give WCHARs have two, by its size. */
#define WMLB_TEXT_OF(token) #token
#define WMLB_TEXT(macro) WMLB_TEXT_OF(macro)
#define WMLB_SYMBOL(name) __asm__(WMLB_TEXT(__USER_LABEL_PREFIX__) name)
#if WMLB_WCHAR_SIZE == 2
#define WMLB_SYMBOL_OF_WCHAR(utf16, utf32) WMLB_SYMBOL(utf16)
#else
#define WMLB_SYMBOL_OF_WCHAR(utf16, utf32) WMLB_SYMBOL(utf32)
#endif

/* ---- results ---- */

#ifndef _HRESULT_TYPEDEF_
#define _HRESULT_TYPEDEF_(code) ((HRESULT)code)
#endif
#ifndef SUCCEEDED
#define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#endif
#ifndef FAILED
#define FAILED(hr) ((HRESULT)(hr) < 0)
#endif
#ifndef HRESULT_FROM_WIN32
#define HRESULT_FROM_WIN32(error) \
    ((HRESULT)(error) <= 0 ? (HRESULT)(error) \
                           : (HRESULT)(((uint32_t)(error) & 0xFFFFU) | 0x80070000U))
#endif
#ifndef S_OK
#define S_OK _HRESULT_TYPEDEF_(0)
#endif
#ifndef S_FALSE
#define S_FALSE _HRESULT_TYPEDEF_(1)
#endif
#ifndef NOERROR
#define NOERROR 0
#endif
#ifndef E_PENDING
#define E_PENDING _HRESULT_TYPEDEF_(0x8000000A)
#endif
#ifndef E_NOTIMPL
#define E_NOTIMPL _HRESULT_TYPEDEF_(0x80004001)
#endif
#ifndef E_NOINTERFACE
#define E_NOINTERFACE _HRESULT_TYPEDEF_(0x80004002)
#endif
#ifndef E_POINTER
#define E_POINTER _HRESULT_TYPEDEF_(0x80004003)
#endif
#ifndef E_ABORT
#define E_ABORT _HRESULT_TYPEDEF_(0x80004004)
#endif
#ifndef E_FAIL
#define E_FAIL _HRESULT_TYPEDEF_(0x80004005)
#endif
#ifndef E_UNEXPECTED
#define E_UNEXPECTED _HRESULT_TYPEDEF_(0x8000FFFF)
#endif
#ifndef E_ACCESSDENIED
#define E_ACCESSDENIED _HRESULT_TYPEDEF_(0x80070005)
#endif
#ifndef E_HANDLE
#define E_HANDLE _HRESULT_TYPEDEF_(0x80070006)
#endif
#ifndef E_OUTOFMEMORY
#define E_OUTOFMEMORY _HRESULT_TYPEDEF_(0x8007000E)
#endif
#ifndef E_INVALIDARG
#define E_INVALIDARG _HRESULT_TYPEDEF_(0x80070057)
#endif

#endif
