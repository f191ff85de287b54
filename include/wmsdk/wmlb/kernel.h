/*
 * Events, waits, threads, critical sections, counters and CoInitialize, as windows.h has them.
 * The functions are in libwmvcore.so; counters are the compiler's. What it does not have is
 * refused, not faked: names of events, and threads that are created suspended.
 */

#ifndef WMLB_WMSDK_KERNEL_H
#define WMLB_WMSDK_KERNEL_H

#include "more_types.h"

#ifndef INFINITE
#define INFINITE 0xFFFFFFFF
#endif
#ifndef WAIT_OBJECT_0
#define WAIT_OBJECT_0 0x00000000L
#endif
#ifndef WAIT_ABANDONED
#define WAIT_ABANDONED 0x00000080L
#endif
#ifndef WAIT_TIMEOUT
#define WAIT_TIMEOUT 0x00000102L
#endif
#ifndef WAIT_FAILED
#define WAIT_FAILED ((DWORD)0xFFFFFFFF)
#endif
#ifndef MAXIMUM_WAIT_OBJECTS
#define MAXIMUM_WAIT_OBJECTS 64
#endif
#ifndef INVALID_HANDLE_VALUE
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#endif
#ifndef STILL_ACTIVE
#define STILL_ACTIVE 259
#endif
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0L
#endif
#ifndef ERROR_FILE_NOT_FOUND
#define ERROR_FILE_NOT_FOUND 2L
#endif
#ifndef ERROR_PATH_NOT_FOUND
#define ERROR_PATH_NOT_FOUND 3L
#endif
#ifndef ERROR_ACCESS_DENIED
#define ERROR_ACCESS_DENIED 5L
#endif
#ifndef ERROR_INVALID_HANDLE
#define ERROR_INVALID_HANDLE 6L
#endif
#ifndef ERROR_NOT_ENOUGH_MEMORY
#define ERROR_NOT_ENOUGH_MEMORY 8L
#endif
#ifndef ERROR_NOT_SUPPORTED
#define ERROR_NOT_SUPPORTED 50L
#endif
#ifndef ERROR_INVALID_PARAMETER
#define ERROR_INVALID_PARAMETER 87L
#endif
#ifndef ERROR_DISK_FULL
#define ERROR_DISK_FULL 112L
#endif
#ifndef ERROR_INSUFFICIENT_BUFFER
#define ERROR_INSUFFICIENT_BUFFER 122L
#endif
#ifndef ERROR_BAD_PATHNAME
#define ERROR_BAD_PATHNAME 161L
#endif
#ifndef ERROR_NO_UNICODE_TRANSLATION
#define ERROR_NO_UNICODE_TRANSLATION 1113L
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef WMLB_TYPES_OF_WINPR

DWORD WINAPI GetLastError(void) WMLB_SYMBOL("wmlb_win32_GetLastError");
void WINAPI SetLastError(DWORD error) WMLB_SYMBOL("wmlb_win32_SetLastError");

/* ---- events and waits ---- */

HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES security, BOOL manual_reset, BOOL signaled,
    LPCSTR name) WMLB_SYMBOL("wmlb_win32_CreateEvent");
HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES security, BOOL manual_reset, BOOL signaled,
    LPCWSTR name) WMLB_SYMBOL("wmlb_win32_CreateEvent");
#ifdef UNICODE
#define CreateEvent CreateEventW
#else
#define CreateEvent CreateEventA
#endif
BOOL WINAPI SetEvent(HANDLE event) WMLB_SYMBOL("wmlb_win32_SetEvent");
BOOL WINAPI ResetEvent(HANDLE event) WMLB_SYMBOL("wmlb_win32_ResetEvent");
BOOL WINAPI CloseHandle(HANDLE handle) WMLB_SYMBOL("wmlb_win32_CloseHandle");
DWORD WINAPI WaitForSingleObject(HANDLE handle, DWORD milliseconds)
    WMLB_SYMBOL("wmlb_win32_WaitForSingleObject");
DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE *handles, BOOL wait_all,
    DWORD milliseconds) WMLB_SYMBOL("wmlb_win32_WaitForMultipleObjects");

/* ---- threads ---- */

typedef DWORD(WINAPI *LPTHREAD_START_ROUTINE)(LPVOID parameter);
HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES security, SIZE_T stack_size,
    LPTHREAD_START_ROUTINE start, LPVOID parameter, DWORD flags, DWORD *id)
    WMLB_SYMBOL("wmlb_win32_CreateThread");
BOOL WINAPI GetExitCodeThread(HANDLE thread, DWORD *code)
    WMLB_SYMBOL("wmlb_win32_GetExitCodeThread");
DWORD WINAPI GetCurrentThreadId(void) WMLB_SYMBOL("wmlb_win32_GetCurrentThreadId");
void WINAPI Sleep(DWORD milliseconds) WMLB_SYMBOL("wmlb_win32_Sleep");
DWORD WINAPI GetTickCount(void) WMLB_SYMBOL("wmlb_win32_GetTickCount");

typedef struct _RTL_CRITICAL_SECTION {
    union {
        void *alignment;
        char room[64];
    } wmlb;
} CRITICAL_SECTION, *PCRITICAL_SECTION, *LPCRITICAL_SECTION;
void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION section)
    WMLB_SYMBOL("wmlb_win32_InitializeCriticalSection");
void WINAPI EnterCriticalSection(LPCRITICAL_SECTION section)
    WMLB_SYMBOL("wmlb_win32_EnterCriticalSection");
BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION section)
    WMLB_SYMBOL("wmlb_win32_TryEnterCriticalSection");
void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION section)
    WMLB_SYMBOL("wmlb_win32_LeaveCriticalSection");
void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION section)
    WMLB_SYMBOL("wmlb_win32_DeleteCriticalSection");

#endif

/* ---- COM ---- */

#ifndef COINIT_APARTMENTTHREADED
#define COINIT_MULTITHREADED 0x0
#define COINIT_APARTMENTTHREADED 0x2
#endif
#ifndef RPC_E_CHANGED_MODE
#define RPC_E_CHANGED_MODE _HRESULT_TYPEDEF_(0x80010106)
#endif
HRESULT WINAPI CoInitialize(LPVOID reserved) WMLB_SYMBOL("wmlb_win32_CoInitialize");
HRESULT WINAPI CoInitializeEx(LPVOID reserved, DWORD mode) WMLB_SYMBOL("wmlb_win32_CoInitializeEx");
void WINAPI CoUninitialize(void) WMLB_SYMBOL("wmlb_win32_CoUninitialize");
LPVOID WINAPI CoTaskMemAlloc(SIZE_T size) WMLB_SYMBOL("wmlb_win32_CoTaskMemAlloc");
void WINAPI CoTaskMemFree(LPVOID memory) WMLB_SYMBOL("wmlb_win32_CoTaskMemFree");

#ifdef __cplusplus
}
#endif

/* ---- counters ---- */

#ifndef WMLB_TYPES_OF_WINPR
#ifdef __cplusplus
#define WMLB_INLINE static inline
#else
#define WMLB_INLINE static __inline__ __attribute__((unused))
#endif
WMLB_INLINE LONG InterlockedIncrement(LONG volatile *number)
{
    return __sync_add_and_fetch(number, 1);
}
WMLB_INLINE LONG InterlockedDecrement(LONG volatile *number)
{
    return __sync_sub_and_fetch(number, 1);
}
WMLB_INLINE LONG InterlockedExchangeAdd(LONG volatile *number, LONG more)
{
    return __sync_fetch_and_add(number, more);
}
WMLB_INLINE LONG InterlockedExchange(LONG volatile *number, LONG value)
{
    return __atomic_exchange_n(number, value, __ATOMIC_SEQ_CST);
}
WMLB_INLINE LONG InterlockedCompareExchange(LONG volatile *number, LONG value, LONG expected)
{
    return __sync_val_compare_and_swap(number, expected, value);
}
#endif

#endif
