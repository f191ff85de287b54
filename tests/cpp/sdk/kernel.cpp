// The events, waits, threads, strings and COM calls of windows.h. usage: kernel
#include <windows.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>

static LONG made, failed;
#define CHECK(condition)                                                                \
    do {                                                                                \
        InterlockedIncrement(&made);                                                    \
        if (!(condition)) {                                                             \
            std::fprintf(stderr, "FAIL kernel.cpp:%d: %s\n", __LINE__, #condition);     \
            InterlockedIncrement(&failed);                                              \
        }                                                                               \
    } while (0)

static void events()
{
    HANDLE once = CreateEvent(NULL, FALSE, FALSE, NULL), stays = CreateEventW(NULL, TRUE, TRUE, NULL);
    CHECK(once != NULL && stays != NULL && once != stays);
    CHECK(WaitForSingleObject(once, 0) == WAIT_TIMEOUT && WaitForSingleObject(once, 1) == WAIT_TIMEOUT);
    CHECK(SetEvent(once) && SetEvent(once));
    CHECK(WaitForSingleObject(once, INFINITE) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(once, 0) == WAIT_TIMEOUT);
    CHECK(WaitForSingleObject(stays, 0) == WAIT_OBJECT_0 && WaitForSingleObject(stays, 0) == WAIT_OBJECT_0);
    const HANDLE both[] = {once, stays};
    CHECK(WaitForMultipleObjects(2, both, FALSE, INFINITE) == WAIT_OBJECT_0 + 1);
    CHECK(WaitForMultipleObjects(2, both, TRUE, 0) == WAIT_TIMEOUT);
    CHECK(SetEvent(once) && WaitForMultipleObjects(2, both, TRUE, INFINITE) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(once, 0) == WAIT_TIMEOUT);
    CHECK(ResetEvent(stays) && WaitForSingleObject(stays, 0) == WAIT_TIMEOUT);
    CHECK(CreateEventA(NULL, FALSE, FALSE, "name") == NULL && GetLastError() == ERROR_NOT_SUPPORTED);
    CHECK(CloseHandle(once) && !CloseHandle(once) && GetLastError() == ERROR_INVALID_HANDLE);
    CHECK(WaitForSingleObject(once, INFINITE) == WAIT_FAILED && !SetEvent(once));
    CHECK(WaitForSingleObject(NULL, 0) == WAIT_FAILED);
    CHECK(WaitForSingleObject(INVALID_HANDLE_VALUE, 0) == WAIT_FAILED);
    CHECK(WaitForMultipleObjects(0, both, FALSE, 0) == WAIT_FAILED);
    CHECK(WaitForMultipleObjects(65, both, FALSE, 0) == WAIT_FAILED);
    // Handles are not used again.
    HANDLE other = CreateEvent(NULL, FALSE, FALSE, NULL);
    CHECK(other != once && CloseHandle(other) && CloseHandle(stays));
}

struct Turn {
    HANDLE ping, pong;
    CRITICAL_SECTION lock;
    int rounds;
    DWORD id;
};

static DWORD WINAPI play(LPVOID parameter)
{
    Turn *const turn = static_cast<Turn *>(parameter);
    for (int i = 0; i < 200; i++) {
        if (WaitForSingleObject(turn->ping, INFINITE) != WAIT_OBJECT_0)
            return 1;
        EnterCriticalSection(&turn->lock);
        EnterCriticalSection(&turn->lock);
        turn->rounds++;
        LeaveCriticalSection(&turn->lock);
        LeaveCriticalSection(&turn->lock);
        SetEvent(turn->pong);
    }
    turn->id = GetCurrentThreadId();
    SetLastError(77);
    return 42;
}

static void threads()
{
    Turn turn = {CreateEvent(NULL, FALSE, FALSE, NULL), CreateEvent(NULL, FALSE, FALSE, NULL), {}, 0, 0};
    InitializeCriticalSection(&turn.lock);
    DWORD id = 0, code = 0;
    SetLastError(5);
    HANDLE thread = CreateThread(NULL, 0, play, &turn, 0, &id);
    CHECK(thread != NULL && GetExitCodeThread(thread, &code) && code == STILL_ACTIVE);
    CHECK(WaitForSingleObject(thread, 0) == WAIT_TIMEOUT && !SetEvent(thread));
    for (int i = 0; i < 200; i++)
        CHECK(SetEvent(turn.ping) && WaitForSingleObject(turn.pong, INFINITE) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && turn.rounds == 200);
    CHECK(GetExitCodeThread(thread, &code) && code == 42);
    CHECK(turn.id == id && id != GetCurrentThreadId() && GetLastError() == ERROR_INVALID_HANDLE);
    CHECK(WaitForSingleObject(thread, 0) == WAIT_OBJECT_0 && CloseHandle(thread));
    CHECK(!GetExitCodeThread(thread, &code) && !GetExitCodeThread(turn.ping, &code));
    CHECK(TryEnterCriticalSection(&turn.lock));
    LeaveCriticalSection(&turn.lock);
    DeleteCriticalSection(&turn.lock);
    CHECK(CreateThread(NULL, 0, NULL, NULL, 0, NULL) == NULL);
    CHECK(CreateThread(NULL, 0, play, NULL, 4, NULL) == NULL && GetLastError() == ERROR_NOT_SUPPORTED);

    // Closed while it runs: it goes on, and takes its end with it.
    turn.rounds = 0;
    InitializeCriticalSection(&turn.lock);
    thread = CreateThread(NULL, 0, play, &turn, 0, NULL);
    CHECK(CloseHandle(thread) && WaitForSingleObject(thread, 0) == WAIT_FAILED);
    for (int i = 0; i < 200; i++)
        CHECK(SetEvent(turn.ping) && WaitForSingleObject(turn.pong, INFINITE) == WAIT_OBJECT_0);
    const DWORD before = GetTickCount();
    Sleep(0);
    Sleep(2);
    CHECK(GetTickCount() - before >= 1);
    CloseHandle(turn.ping);
    CloseHandle(turn.pong);
}

static void counters_and_com()
{
    LONG number = 1;
    CHECK(InterlockedIncrement(&number) == 2 && InterlockedDecrement(&number) == 1);
    CHECK(InterlockedExchangeAdd(&number, 4) == 1 && InterlockedExchange(&number, 7) == 5);
    CHECK(InterlockedCompareExchange(&number, 9, 8) == 7 && number == 7);
    CHECK(InterlockedCompareExchange(&number, 9, 7) == 7 && number == 9);
    CHECK(CoInitialize(NULL) == S_OK && CoInitialize(NULL) == S_FALSE);
    CHECK(CoInitializeEx(NULL, COINIT_MULTITHREADED) == RPC_E_CHANGED_MODE);
    CoUninitialize();
    CoUninitialize();
    CHECK(CoInitializeEx(NULL, COINIT_MULTITHREADED) == S_OK);
    CoUninitialize();
    LPVOID memory = CoTaskMemAlloc(0);
    CHECK(memory != NULL);
    CoTaskMemFree(memory);
    CHECK(HRESULT_CODE(HRESULT_FROM_WIN32(ERROR_DISK_FULL)) == ERROR_DISK_FULL);
    CHECK(HRESULT_FACILITY(HRESULT_FROM_WIN32(5)) == 7 && MAKE_HRESULT(1, 7, 5) == E_ACCESSDENIED);
}

static void strings()
{
    // "é€" and a note, in UTF-8.
    const char text[] = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xB5";
    const int units = sizeof(WCHAR) == 2 ? 5 : 4;
    WCHAR wide[16];
    char back[16];
    CHECK(MultiByteToWideChar(CP_ACP, 0, text, -1, NULL, 0) == units);
    CHECK(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, wide, 16) == units);
    CHECK(wide[0] == 0xE9 && wide[1] == 0x20AC && lstrlenW(wide) == units - 1);
    CHECK(MultiByteToWideChar(CP_ACP, 0, text, -1, wide, units - 1) == 0);
    CHECK(GetLastError() == ERROR_INSUFFICIENT_BUFFER);
    CHECK(MultiByteToWideChar(CP_ACP, 0, text, -1, wide, 16) == units);
    CHECK(WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL) == sizeof text);
    BOOL used = TRUE;
    CHECK(WideCharToMultiByte(CP_ACP, 0, wide, -1, back, 16, NULL, &used) == sizeof text && !used);
    CHECK(std::memcmp(back, text, sizeof text) == 0);
    CHECK(WideCharToMultiByte(CP_ACP, 0, wide, 1, back, 16, NULL, NULL) == 2);
    // What is not UTF-8: cut, overlong, a surrogate, too large.
    for (const char *bad : {"\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\x80"}) {
        CHECK(MultiByteToWideChar(CP_ACP, MB_ERR_INVALID_CHARS, bad, -1, wide, 16) == 0);
        CHECK(GetLastError() == ERROR_NO_UNICODE_TRANSLATION);
        CHECK(MultiByteToWideChar(CP_ACP, 0, bad, -1, wide, 16) > 1 && wide[0] == 0xFFFD);
    }
    const WCHAR half[] = {0xD800, 'x', 0};
    CHECK(WideCharToMultiByte(CP_ACP, 0, half, -1, back, 16, NULL, NULL) == 5 && back[3] == 'x');
    CHECK(MultiByteToWideChar(1252, 0, text, -1, wide, 16) == 0);
    CHECK(MultiByteToWideChar(CP_ACP, 0, NULL, -1, wide, 16) == 0);
    CHECK(MultiByteToWideChar(CP_ACP, 0, text, 0, wide, 16) == 0);
    CHECK(lstrcpynW(wide, half, 2) == wide && wide[1] == 0 && lstrlenW(NULL) == 0);
    lstrcatW(lstrcpyW(wide, half), half);
    CHECK(lstrlenW(wide) == 4);
}

int main()
{
    events();
    threads();
    counters_and_com();
    strings();
    std::printf("kernel: %d checks, %d failed\n", (int)made, (int)failed);
    return failed == 0 ? 0 : 1;
}
