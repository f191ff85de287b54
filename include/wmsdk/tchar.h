/*
 * Names of C's functions for strings of TCHAR, which is WCHAR with UNICODE, else char. Their
 * formats are those of the C library: a string of WCHAR is %ls to all of them, where Windows has
 * %s with UNICODE, and %ws; -Wformat finds those of printf().
 */

#if defined(__GNUC__)
#pragma GCC system_header
#endif

#if defined(__has_include_next)
#if __has_include_next(<tchar.h>)
#include_next <tchar.h>
#endif
#endif

#ifndef _tcslen
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#if defined(UNICODE) || defined(_UNICODE)
#define __T(text) L##text
#define _tmain wmain
#define _tcslen wcslen
#define _tcscpy wcscpy
#define _tcsncpy wcsncpy
#define _tcscat wcscat
#define _tcscmp wcscmp
#define _tcsncmp wcsncmp
#define _tcsicmp wcscasecmp
#define _tcsnicmp wcsncasecmp
#define _tcschr wcschr
#define _tcsrchr wcsrchr
#define _tcsstr wcsstr
#define _tprintf wprintf
#define _ftprintf fwprintf
#define _stprintf swprintf
#define _fputts fputws
#define _fgetts fgetws
#define _puttchar putwchar
#else
#define __T(text) text
#define _tmain main
#include <strings.h>
#define _tcslen strlen
#define _tcscpy strcpy
#define _tcsncpy strncpy
#define _tcscat strcat
#define _tcscmp strcmp
#define _tcsncmp strncmp
#define _tcsicmp strcasecmp
#define _tcsnicmp strncasecmp
#define _tcschr strchr
#define _tcsrchr strrchr
#define _tcsstr strstr
#define _tprintf printf
#define _ftprintf fprintf
#define _stprintf sprintf
#define _fputts fputs
#define _fgetts fgets
#define _puttchar putchar
#endif

#ifndef _T
#define _T(text) __T(text)
#endif
#ifndef _TEXT
#define _TEXT(text) __T(text)
#endif

#include "windows.h"
#if defined(UNICODE) || defined(_UNICODE)
typedef WCHAR _TCHAR;
#else
typedef char _TCHAR;
#endif
#endif
