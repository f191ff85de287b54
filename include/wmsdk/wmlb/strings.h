/* Strings of windows.h: between WCHAR and UTF-8, which is what char strings are here. */

#ifndef WMLB_WMSDK_STRINGS_H
#define WMLB_WMSDK_STRINGS_H

#include "kernel.h"

#ifdef WMLB_TYPES_OF_WINPR
#include <winpr/string.h>
#else

#ifndef CP_ACP
#define CP_ACP 0
#endif
#ifndef CP_UTF8
#define CP_UTF8 65001
#endif
#ifndef MB_PRECOMPOSED
#define MB_PRECOMPOSED 0x00000001
#define MB_ERR_INVALID_CHARS 0x00000008
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* CP_ACP is UTF-8 too. What is not valid becomes U+FFFD, or with MB_ERR_INVALID_CHARS an error. */
int WINAPI MultiByteToWideChar(UINT code_page, DWORD flags, LPCSTR text, int size, LPWSTR wide,
    int wide_size) WMLB_SYMBOL_OF_WCHAR("wmlb_win32_MultiByteToWideChar_utf16",
                                        "wmlb_win32_MultiByteToWideChar_utf32");
int WINAPI WideCharToMultiByte(UINT code_page, DWORD flags, LPCWSTR wide, int wide_size, LPSTR text,
    int size, LPCSTR default_char, BOOL *used_default)
    WMLB_SYMBOL_OF_WCHAR("wmlb_win32_WideCharToMultiByte_utf16",
                         "wmlb_win32_WideCharToMultiByte_utf32");

#ifdef __cplusplus
}
#endif

WMLB_INLINE int lstrlenA(LPCSTR text) { return text == NULL ? 0 : (int)strlen(text); }
WMLB_INLINE int lstrlenW(LPCWSTR text)
{
    int length = 0;
    while (text != NULL && text[length] != 0)
        length++;
    return length;
}
WMLB_INLINE LPWSTR lstrcpynW(LPWSTR to, LPCWSTR from, int room)
{
    int i;
    for (i = 0; i + 1 < room && from[i] != 0; i++)
        to[i] = from[i];
    if (room > 0)
        to[i] = 0;
    return to;
}
WMLB_INLINE LPWSTR lstrcpyW(LPWSTR to, LPCWSTR from)
{
    return lstrcpynW(to, from, lstrlenW(from) + 1);
}
WMLB_INLINE LPWSTR lstrcatW(LPWSTR to, LPCWSTR from)
{
    lstrcpyW(to + lstrlenW(to), from);
    return to;
}
#ifdef UNICODE
#define lstrlen lstrlenW
#define lstrcpy lstrcpyW
#define lstrcat lstrcatW
#else
#define lstrlen lstrlenA
#define lstrcpy strcpy
#define lstrcat strcat
#endif

#endif

#ifndef TEXT
#ifdef UNICODE
#define TEXT(text) L##text
#else
#define TEXT(text) text
#endif
#endif

#endif
