/* An operation of the object: how its events reach OnStatus. */

#ifndef WMLB_WMSDK_OPERATION_HPP
#define WMLB_WMSDK_OPERATION_HPP

#include <atomic>
#include <cstdint>
#include <new>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "interfaces.h"
#include "text.hpp"

#include "../../wmlb.h"

namespace wmlb_wmsdk {

/// Whose types these are: programs of which one part has the types of another header than another
/// part have two kinds of everything below, that do not meet.
constexpr unsigned kind = static_cast<unsigned>(sizeof(WCHAR) | sizeof(ULONG) << 4 | sizeof(DWORD) << 8)
#ifdef WMLB_TYPES_OF_WINE
    | 1 << 12
#endif
    ;

/// An answer that makes no difference; a cast to void does not say that to every compiler.
inline void ignore(wmlb_hresult) {}

class locked {
public:
    explicit locked(pthread_mutex_t &mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
    ~locked() { pthread_mutex_unlock(&mutex_); }
    locked(const locked &) = delete;
    locked &operator=(const locked &) = delete;

private:
    pthread_mutex_t &mutex_;
};

/// What an object and its operations share; gone with the last of them.
struct shared {
    explicit shared(wmlb_restorer *its) : handle(its), process(getpid())
    {
        pthread_mutex_init(&mutex, nullptr);
        pthread_cond_init(&changed, nullptr);
    }
    shared(const shared &) = delete;
    shared &operator=(const shared &) = delete;
    ~shared()
    {
        wmlb_restorer_release(handle);
        pthread_cond_destroy(&changed);
        pthread_mutex_destroy(&mutex);
    }
    void hold() { references++; }
    void let_go()
    {
        if (--references == 0)
            delete this;
    }
    void wait() { pthread_cond_wait(&changed, &mutex); }
    /// An operation did not start.
    void refuse()
    {
        locked lock(mutex);
        running = false;
        unfinished--;
        pthread_cond_broadcast(&changed);
    }
    /// The last act of a thread, which holds this: the object joins one it waits for.
    void end_thread()
    {
        {
            locked lock(mutex);
            threads--;
            if (joins && threads == 0)
                last = pthread_self();
            else
                pthread_detach(pthread_self());
            pthread_cond_broadcast(&changed);
        }
        let_go();
    }
    /// Waits until every operation has told its last event and its thread has ended.
    void join()
    {
        {
            locked lock(mutex);
            joins = threads > 0;
            while (unfinished > 0 || threads > 0)
                wait();
        }
        if (joins)
            pthread_join(last, nullptr);
    }
    /// In a child of fork() there is no operation, and a lock may be held for ever.
    bool is_of_parent() const { return process != getpid(); }

    wmlb_restorer *const handle;
    const pid_t process;
    std::atomic<std::uint32_t> references{1};
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned unfinished = 0; // operations that have a callback to tell
    unsigned threads = 0;    // threads that wait to tell a last event
    bool joins = false;      // the last of them is waited for, and is this one
    pthread_t last;
    bool running = false;    // an operation's last event has not come yet
    bool telling = false;    // OnStatus is called: one call at a time, also of two operations
    bool abandoned = false;  // the object has gone in OnStatus: no event comes any more
};

/// The calls of OnStatus that this thread is in.
struct call {
    const shared *of;
    call *outer;

    static call *&innermost() noexcept
    {
        static thread_local call *of_thread = nullptr;
        return of_thread;
    }
    static bool is_in(const shared *of) noexcept
    {
        for (const call *each = innermost(); each != nullptr; each = each->outer)
            if (each->of == of)
                return true;
        return false;
    }
};

/// Holds the callback until its last event has been told. All events but the last are told on the
/// thread they come on. The last is told by a thread of its own when the restorer is idle, so that
/// the next operation can be started as soon as a program knows that this one has ended.
template <unsigned Kind> struct operation {
    shared *of;
    IWMStatusCallback *callback;
    bool ended = false, refused = false;
    std::int32_t status = 0, type = 0;
    wmlb_hresult hr = 0;
    block<WCHAR> text;

    operation(shared *its, IWMStatusCallback *to) : of(its), callback(to)
    {
        of->hold();
        callback->AddRef();
    }
    operation(const operation &) = delete;
    operation &operator=(const operation &) = delete;

    /// Calls OnStatus, when it is this operation's turn. False: nobody is there any more.
    bool tell(std::int32_t its_status, wmlb_hresult its_hr, std::int32_t its_type, BYTE *value,
              bool is_last) noexcept
    {
        // A program that runs an operation on this thread in OnStatus has the turn.
        const bool nested = call::is_in(of);
        {
            locked lock(of->mutex);
            while (of->telling && !nested)
                of->wait();
            if (is_last)
                of->running = false;
            if (of->abandoned)
                return false;
            of->telling = true;
        }
        std::uint64_t none = 0; // what an event points at that has no value, for any DWORD
        call here = {of, call::innermost()};
        call::innermost() = &here;
        callback->OnStatus(static_cast<WMT_STATUS>(its_status), its_hr,
                           static_cast<WMT_ATTR_DATATYPE>(value == nullptr ? WMLB_TYPE_DWORD : its_type),
                           value == nullptr ? reinterpret_cast<BYTE *>(&none) : value, nullptr);
        call::innermost() = here.outer;
        locked lock(of->mutex);
        of->telling = nested;
        pthread_cond_broadcast(&of->changed);
        return !of->abandoned;
    }

    static wmlb_hresult on_status(std::int32_t status, wmlb_hresult hr, std::int32_t type,
                                  const std::uint8_t *value, std::size_t size,
                                  void *user_data) noexcept
    {
        auto *const self = static_cast<operation *>(user_data);
        if (status == WMLB_STATUS_ERROR || status == WMLB_STATUS_ERROR_WITHURL ||
            status == WMLB_STATUS_BACKUPRESTORE_END) {
            if (value != nullptr && type == WMLB_TYPE_STRING)
                to_wide(reinterpret_cast<const char *>(value), size, self->text);
            locked lock(self->of->mutex);
            self->status = status;
            self->hr = hr;
            self->type = type;
            self->ended = true;
            pthread_cond_broadcast(&self->of->changed);
            return S_OK;
        }
        if (status == WMLB_STATUS_LICENSE_SKIPPED)
            hr = S_FALSE; // a program of the SDK would take a failure for the end
        block<WCHAR> text;
        block<BYTE> bytes;
        BYTE *given = nullptr; // without memory, an event without a value
        if (value != nullptr && type == WMLB_TYPE_STRING) {
            if (to_wide(reinterpret_cast<const char *>(value), size, text))
                given = text.bytes();
        } else if (value != nullptr && bytes.make(size)) {
            std::memcpy(bytes.data(), value, size);
            given = bytes.data();
        }
        return self->tell(status, hr, type, given, false) ? S_OK : E_ABORT;
    }

    /// Tells the last event, once the restorer is idle.
    void finish() noexcept
    {
        wmlb_hresult result = S_OK;
        ignore(wmlb_restorer_wait(of->handle, UINT32_MAX, &result));
        tell(status, hr, type, text.bytes(), true);
        callback->Release();
        callback = nullptr;
        locked lock(of->mutex);
        of->unfinished--;
        pthread_cond_broadcast(&of->changed);
    }

    static void *wait_for_end(void *given) noexcept
    {
        auto *const self = static_cast<operation *>(given);
#ifdef __linux__
        (void)pthread_setname_np(pthread_self(), "wmlb");
#endif
        shared *const its = self->of;
        bool refused = false;
        {
            locked lock(its->mutex);
            while (!self->ended && !self->refused)
                its->wait();
            refused = self->refused;
        }
        if (!refused)
            self->finish();
        self->let_go();
        its->end_thread();
        return nullptr;
    }

    /// Starts the thread that tells the last event. It takes no signal of the program's.
    bool start_thread()
    {
        sigset_t all, before;
        pthread_t thread;
        of->hold();
        users++;
        {
            locked lock(of->mutex);
            of->threads++;
        }
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        const bool started = pthread_create(&thread, nullptr, wait_for_end, this) == 0;
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (!started) {
            users--;
            {
                locked lock(of->mutex);
                of->threads--;
            }
            of->let_go();
        }
        return started;
    }

    using starter = wmlb_hresult (*)(wmlb_restorer *, std::uint32_t, wmlb_status_callback, void *);

    static HRESULT start(shared *of, starter function, DWORD flags, IWMStatusCallback *callback)
    {
        if (callback == nullptr)
            return E_INVALIDARG;
        if (of->is_of_parent())
            return E_HANDLE;
        {
            locked lock(of->mutex);
            if (of->running)
                return NS_E_DRM_BACKUPRESTORE_BUSY;
            of->running = true;
            of->unfinished++;
        }
        auto *const self = new (std::nothrow) operation(of, callback);
        if (self == nullptr) {
            of->refuse();
            return E_OUTOFMEMORY;
        }
        const bool here = (flags & WMLB_RUN_HERE) != 0;
        HRESULT hr = E_OUTOFMEMORY;
        if (here || self->start_thread())
            hr = function(self->of->handle, static_cast<std::uint32_t>(flags), on_status, self);
        self->started(hr);
        if (here && !self->refused)
            self->finish();
        self->let_go();
        return hr;
    }

private:
    /// What was refused tells nothing, and lets go of the callback before the call returns.
    void started(HRESULT answer)
    {
        {
            locked lock(of->mutex);
            if (SUCCEEDED(answer) || ended)
                return;
            refused = true;
            pthread_cond_broadcast(&of->changed);
        }
        callback->Release();
        callback = nullptr;
        of->refuse();
    }

    void let_go()
    {
        if (--users == 0)
            delete this;
    }

    ~operation() { of->let_go(); }

    std::atomic<unsigned> users{1};
};

} // namespace wmlb_wmsdk

#endif
