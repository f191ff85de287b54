// Events, waits and threads of windows.h, on those of POSIX. One lock and one condition serve all
// handles: programs have a few. A handle is a number: looked up, and never reused.
#include "wmsdk/windows.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <new>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace {

thread_local DWORD last_error = ERROR_SUCCESS;
thread_local unsigned initialized = 0; // CoInitialize, less CoUninitialize
thread_local DWORD its_mode = 0;
thread_local DWORD thread_id = 0;
std::atomic<DWORD> thread_ids{0};

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t changed;
pthread_once_t once = PTHREAD_ONCE_INIT;

void make_condition()
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

class Locked {
public:
    Locked()
    {
        pthread_once(&once, make_condition);
        pthread_mutex_lock(&mutex);
    }
    ~Locked() { pthread_mutex_unlock(&mutex); }
    Locked(const Locked &) = delete;
    Locked &operator=(const Locked &) = delete;
};

// An event, or a thread, which is signaled when it has ended.
struct Object {
    std::uintptr_t number = 0;
    bool is_thread = false, manual_reset = false, signaled = false;
    bool closed = false; // a thread's handle, while the thread runs
    LPTHREAD_START_ROUTINE start = nullptr;
    LPVOID parameter = nullptr;
    DWORD code = STILL_ACTIVE, id = 0;
    Object *next = nullptr;
};

Object *objects = nullptr;
std::uintptr_t numbers = 0;

HANDLE handle_of(const Object *object) { return reinterpret_cast<HANDLE>(object->number); }

DWORD set_error(DWORD error)
{
    last_error = error;
    return error;
}

Object *find(HANDLE handle)
{
    Object *each = objects;
    while (each != nullptr && (handle_of(each) != handle || each->closed))
        each = each->next;
    if (each == nullptr)
        set_error(ERROR_INVALID_HANDLE);
    return each;
}

void add(Object *object)
{
    object->number = numbers += 4;
    object->next = objects;
    objects = object;
}

void remove(Object *object)
{
    Object **link = &objects;
    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    delete object;
}

BOOL set_signaled(HANDLE handle, bool signaled)
{
    Locked locked;
    Object *const object = find(handle);
    if (object == nullptr)
        return FALSE;
    if (object->is_thread) {
        set_error(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    object->signaled = signaled;
    if (signaled)
        pthread_cond_broadcast(&changed);
    return TRUE;
}

timespec deadline_of(DWORD milliseconds)
{
    timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += static_cast<time_t>(milliseconds / 1000);
    when.tv_nsec += static_cast<long>(milliseconds % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

// The answer of a wait when what it waits for is signaled, which it takes; else WAIT_TIMEOUT.
DWORD look(DWORD count, const HANDLE *handles, bool all)
{
    DWORD signaled = 0, first = count;
    for (DWORD i = 0; i < count; i++) {
        const Object *const object = find(handles[i]);
        if (object == nullptr)
            return WAIT_FAILED;
        signaled += object->signaled;
        if (object->signaled && first == count)
            first = i;
    }
    if (signaled == 0 || (all && signaled < count))
        return WAIT_TIMEOUT;
    for (DWORD i = all ? 0 : first; i < (all ? count : first + 1); i++) {
        Object *const object = find(handles[i]);
        object->signaled = object->is_thread || object->manual_reset;
    }
    return static_cast<DWORD>(WAIT_OBJECT_0) + (all ? 0 : first);
}

void *run(void *given)
{
    auto *const self = static_cast<Object *>(given);
    thread_id = self->id;
    const DWORD code = self->start(self->parameter);
    Locked locked;
    self->code = code;
    self->signaled = true;
    pthread_cond_broadcast(&changed);
    if (self->closed)
        remove(self);
    return nullptr;
}

} // namespace

DWORD WINAPI GetLastError(void) { return last_error; }
void WINAPI SetLastError(DWORD error) { last_error = error; }

HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES, BOOL manual_reset, BOOL signaled, LPCSTR name)
{
    if (name != nullptr) {
        set_error(ERROR_NOT_SUPPORTED);
        return nullptr;
    }
    auto *const event = new (std::nothrow) Object;
    if (event == nullptr) {
        set_error(ERROR_NOT_ENOUGH_MEMORY);
        return nullptr;
    }
    event->manual_reset = manual_reset != FALSE;
    event->signaled = signaled != FALSE;
    Locked locked;
    add(event);
    return handle_of(event);
}

BOOL WINAPI SetEvent(HANDLE event) { return set_signaled(event, true); }
BOOL WINAPI ResetEvent(HANDLE event) { return set_signaled(event, false); }

BOOL WINAPI CloseHandle(HANDLE handle)
{
    Locked locked;
    Object *const object = find(handle);
    if (object == nullptr)
        return FALSE;
    // Who waits for it is told that it is none any more.
    pthread_cond_broadcast(&changed);
    if (object->is_thread && !object->signaled)
        object->closed = true;
    else
        remove(object);
    return TRUE;
}

DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE *handles, BOOL all, DWORD milliseconds)
{
    if (count == 0 || count > MAXIMUM_WAIT_OBJECTS || handles == nullptr) {
        set_error(ERROR_INVALID_PARAMETER);
        return WAIT_FAILED;
    }
    const timespec deadline = deadline_of(milliseconds);
    Locked locked;
    while (true) {
        const DWORD answer = look(count, handles, all != FALSE);
        if (answer != static_cast<DWORD>(WAIT_TIMEOUT) || milliseconds == 0)
            return answer;
        if (milliseconds == INFINITE)
            pthread_cond_wait(&changed, &mutex);
        else if (pthread_cond_timedwait(&changed, &mutex, &deadline) == ETIMEDOUT)
            return look(count, handles, all != FALSE);
    }
}

DWORD WINAPI WaitForSingleObject(HANDLE handle, DWORD milliseconds)
{
    return WaitForMultipleObjects(1, &handle, FALSE, milliseconds);
}

HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES, SIZE_T, LPTHREAD_START_ROUTINE start,
                           LPVOID parameter, DWORD flags, DWORD *id)
{
    if (start == nullptr || flags != 0) {
        set_error(start == nullptr ? ERROR_INVALID_PARAMETER : ERROR_NOT_SUPPORTED);
        return nullptr;
    }
    auto *const object = new (std::nothrow) Object;
    if (object == nullptr) {
        set_error(ERROR_NOT_ENOUGH_MEMORY);
        return nullptr;
    }
    object->is_thread = true;
    object->start = start;
    object->parameter = parameter;
    object->id = ++thread_ids;
    Locked locked;
    add(object);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, run, object) != 0) {
        remove(object);
        set_error(ERROR_NOT_ENOUGH_MEMORY);
        return nullptr;
    }
    pthread_detach(thread);
    if (id != nullptr)
        *id = object->id;
    return handle_of(object);
}

BOOL WINAPI GetExitCodeThread(HANDLE thread, DWORD *code)
{
    Locked locked;
    const Object *const object = find(thread);
    if (object == nullptr || !object->is_thread || code == nullptr) {
        set_error(code == nullptr ? ERROR_INVALID_PARAMETER : ERROR_INVALID_HANDLE);
        return FALSE;
    }
    *code = object->code;
    return TRUE;
}

DWORD WINAPI GetCurrentThreadId(void)
{
    if (thread_id == 0)
        thread_id = ++thread_ids;
    return thread_id;
}

void WINAPI Sleep(DWORD milliseconds)
{
    if (milliseconds == 0) {
        sched_yield();
        return;
    }
    const timespec deadline = deadline_of(milliseconds);
    while (milliseconds == INFINITE ||
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
        if (milliseconds == INFINITE)
            pause();
    }
}

DWORD WINAPI GetTickCount(void)
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<DWORD>(now.tv_sec) * 1000 + static_cast<DWORD>(now.tv_nsec / 1000000);
}

/* ---- critical sections: recursive mutexes in the caller's memory ---- */

static_assert(sizeof(pthread_mutex_t) <= sizeof(CRITICAL_SECTION), "the mutex does not fit");
static_assert(alignof(pthread_mutex_t) <= alignof(CRITICAL_SECTION), "the mutex is not aligned");

static pthread_mutex_t *mutex_in(LPCRITICAL_SECTION section)
{
    return reinterpret_cast<pthread_mutex_t *>(section);
}

void WINAPI InitializeCriticalSection(LPCRITICAL_SECTION section)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex_in(section), &attributes);
    pthread_mutexattr_destroy(&attributes);
}
void WINAPI EnterCriticalSection(LPCRITICAL_SECTION section) { pthread_mutex_lock(mutex_in(section)); }
BOOL WINAPI TryEnterCriticalSection(LPCRITICAL_SECTION section)
{
    return pthread_mutex_trylock(mutex_in(section)) == 0;
}
void WINAPI LeaveCriticalSection(LPCRITICAL_SECTION section) { pthread_mutex_unlock(mutex_in(section)); }
void WINAPI DeleteCriticalSection(LPCRITICAL_SECTION section) { pthread_mutex_destroy(mutex_in(section)); }

/* ---- COM: apartments are all the same here, so only the counting is left ---- */

HRESULT WINAPI CoInitializeEx(LPVOID reserved, DWORD mode)
{
    if (reserved != nullptr)
        return E_INVALIDARG;
    if (initialized > 0 && (mode & COINIT_APARTMENTTHREADED) != its_mode)
        return RPC_E_CHANGED_MODE;
    its_mode = mode & COINIT_APARTMENTTHREADED;
    return initialized++ == 0 ? S_OK : S_FALSE;
}
HRESULT WINAPI CoInitialize(LPVOID reserved)
{
    return CoInitializeEx(reserved, COINIT_APARTMENTTHREADED);
}
void WINAPI CoUninitialize(void)
{
    if (initialized > 0)
        initialized--;
}
LPVOID WINAPI CoTaskMemAlloc(SIZE_T size) { return malloc(size == 0 ? 1 : size); }
void WINAPI CoTaskMemFree(LPVOID memory) { free(memory); }
