/**
 * \file
 * libwmlb for C++17 and later, header-only, on top of wmlb.h:
 *
 *     wmlb::restorer restorer;
 *     restorer.set_store_path("/home/me/.local/share/player/licenses");
 *     restorer.set_backup_path("/media/stick");
 *     wmlb::operation backup = restorer.backup(0, [](const wmlb::event &event) {
 *         if (auto progress = event.progress())
 *             std::cout << progress->licenses_done << " licenses\n";
 *     });
 *     backup.wait();
 *
 * Errors. Each function that can fail is there twice, as in std::filesystem: one throws
 * wmlb::error, one takes a std::error_code& that it sets, to no error on success. Compiled with
 * -fno-exceptions only the second ones are there. If memory for the wrapper itself runs out, both
 * throw std::bad_alloc.
 *
 * Callbacks are called on the operation's thread, one call at a time; what holds in a
 * wmlb_status_callback holds in them. An exception that leaves one is stopped there: it
 * cancels the operation, and wait() throws it again. longjmp, pthread_exit and
 * pthread_cancel cannot be stopped, and must not leave a callback: they end the process.
 *
 * Threads. As in wmlb.h, every function may be called from any thread. Exception: moving, assigning
 * or destroying a restorer or an operation must not happen at the same time as other calls on the
 * same object.
 */

#ifndef WMLB_HPP
#define WMLB_HPP

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "wmlb.h"

#if defined(__cpp_exceptions) || defined(_CPPUNWIND) || defined(DOXYGEN)
#define WMLB_HPP_EXCEPTIONS 1
#else
#define WMLB_HPP_EXCEPTIONS 0
#endif

namespace wmlb {

// Both kinds may be linked into one program: they have different names for the linker.
#if WMLB_HPP_EXCEPTIONS
inline namespace with_exceptions {
#else
inline namespace without_exceptions {
#endif

/* ---- result codes ---- */

/// The result codes by name. Each compares with a std::error_code of this library and with
/// a plain wmlb_hresult: `code == wmlb::errc::backup_exists`. What they mean stands at the
/// WMLB_* constant in wmlb.h that each is set to. An error of the operating system has a
/// code of category() too, without a name here, and compares with std::errc.
enum class errc : wmlb_hresult {
    nothing_to_do = WMLB_S_FALSE,
    not_implemented = WMLB_E_NOTIMPL,
    null_pointer = WMLB_E_POINTER,
    fail = WMLB_E_FAIL,
    unexpected = WMLB_E_UNEXPECTED,
    illegal_call = WMLB_E_ILLEGAL_METHOD_CALL,
    access_denied = WMLB_E_ACCESSDENIED,
    invalid_handle = WMLB_E_HANDLE,
    out_of_memory = WMLB_E_OUTOFMEMORY,
    invalid_argument = WMLB_E_INVALIDARG,
    sharing_violation = WMLB_E_SHARING_VIOLATION,
    insufficient_buffer = WMLB_E_INSUFFICIENT_BUFFER,
    timeout = WMLB_E_TIMEOUT,
    license_store_error = WMLB_NS_E_DRM_LICENSE_STORE_ERROR,
    license_store_save_error = WMLB_NS_E_DRM_LICENSE_STORE_SAVE_ERROR,
    invalid_license = WMLB_NS_E_DRM_INVALID_LICENSE,
    needs_individualization = WMLB_NS_E_DRM_NEEDS_INDIVIDUALIZATION,
    backup_restore_failure = WMLB_NS_E_BACKUP_RESTORE_FAILURE,
    backup_exists = WMLB_NS_E_DRM_BACKUP_EXISTS,
    backup_corrupt = WMLB_NS_E_DRM_BACKUP_CORRUPT,
    busy = WMLB_NS_E_DRM_BACKUPRESTORE_BUSY,
    bad_data = WMLB_NS_E_BACKUP_RESTORE_BAD_DATA,
    invalid_property = WMLB_NS_E_DRM_INVALID_PROPERTY,
    unsupported_property = WMLB_NS_E_DRM_UNSUPPORTED_PROPERTY,
    invalid_password = WMLB_NS_E_DRM_INVALID_SECURESTORE_PASSWORD,
    restore_fraud = WMLB_NS_E_DRM_RESTORE_FRAUD,
    not_all_stored = WMLB_NS_E_DRM_STORE_NOTALLSTORED,
    not_configured = WMLB_NS_E_DRM_NOT_CONFIGURED,
    canceled = WMLB_NS_E_DRM_OPERATION_CANCELED,
    unable_to_open_store = WMLB_NS_E_DRM_UNABLE_TO_OPEN_DATA_STORE,
    store_corrupt = WMLB_NS_E_DRM_DATASTORE_CORRUPT,
    restore_service_unavailable = WMLB_NS_E_DRM_RESTORE_SERVICE_UNAVAILABLE,
};

} // namespace with_exceptions or without_exceptions

} // namespace wmlb

/// A wmlb::errc is an error code.
template <> struct std::is_error_code_enum<wmlb::errc> : std::true_type {};

namespace wmlb {

#if WMLB_HPP_EXCEPTIONS
inline namespace with_exceptions {
#else
inline namespace without_exceptions {
#endif

namespace detail {

class category_type final : public std::error_category {
public:
    const char *name() const noexcept override { return "wmlb"; }

    std::string message(int value) const override { return wmlb_hresult_message(value); }

    std::error_condition default_error_condition(int value) const noexcept override
    {
        switch (value) {
        case WMLB_E_NOTIMPL: return std::errc::function_not_supported;
        case WMLB_E_INVALIDARG: return std::errc::invalid_argument;
        case WMLB_E_OUTOFMEMORY: return std::errc::not_enough_memory;
        case WMLB_E_TIMEOUT: return std::errc::timed_out;
        case WMLB_NS_E_DRM_BACKUP_EXISTS: return std::errc::file_exists;
        case WMLB_NS_E_DRM_BACKUPRESTORE_BUSY: return std::errc::device_or_resource_busy;
        case WMLB_NS_E_DRM_OPERATION_CANCELED: return std::errc::operation_canceled;
        default: break;
        }
        // The other way round than the library's table of the system's errors.
        switch (static_cast<std::uint32_t>(value)) {
        case 0x80070002: case 0x80070003: return std::errc::no_such_file_or_directory;
        case 0x80070004: return std::errc::too_many_files_open;
        case 0x80070005: return std::errc::permission_denied;
        case 0x80070013: return std::errc::read_only_file_system;
        case 0x80070050: return std::errc::file_exists;
        case 0x80070070: return std::errc::no_space_on_device;
        case 0x800700CE: return std::errc::filename_too_long;
        case 0x8007010B: return std::errc::not_a_directory;
        case 0x8007045D: return std::errc::io_error;
        default: return std::error_condition(value, *this);
        }
    }
};

} // namespace detail

/// The category of this library's result codes. A code's value is the wmlb_hresult, its
/// message a sentence in English, and it is equal to the condition of std::errc that means
/// the same, if there is one.
inline const std::error_category &category() noexcept
{
    static const detail::category_type instance;
    return instance;
}

/// The error code of a result code: no error for WMLB_S_OK and everything else that is not
/// negative.
inline std::error_code make_error_code(wmlb_hresult hr) noexcept
{
    return hr < 0 ? std::error_code(hr, category()) : std::error_code();
}

/// Lets an errc be compared with a std::error_code, and assigned to one.
inline std::error_code make_error_code(errc code) noexcept
{
    return std::error_code(static_cast<int>(code), category());
}

/// Compares a result code of the functions in wmlb.h with its name.
constexpr bool operator==(wmlb_hresult hr, errc code) noexcept
{
    return hr == static_cast<wmlb_hresult>(code);
}
constexpr bool operator!=(wmlb_hresult hr, errc code) noexcept { return !(hr == code); }
#if __cplusplus < 202002L
constexpr bool operator==(errc code, wmlb_hresult hr) noexcept { return hr == code; }
constexpr bool operator!=(errc code, wmlb_hresult hr) noexcept { return !(hr == code); }
#endif

/// A call or an operation that failed. code() is the reason; what() is the message, which names the
/// path and the cause.
class error : public std::system_error {
public:
    error(std::error_code code, const std::string &words)
        : std::system_error(code, words), words_(std::make_shared<std::string>(words))
    {
    }

    /// The library's message, and nothing else.
    const char *what() const noexcept override
    {
        return words_->empty() ? std::system_error::what() : words_->c_str();
    }

    /// The result code.
    wmlb_hresult hresult() const noexcept { return code().value(); }

private:
    std::shared_ptr<const std::string> words_; // to copy an exception must not throw
};

/* ---- the arguments of callbacks ---- */

/// What an event reports; the WMLB_STATUS_* constant of each says when it comes.
enum class status : std::int32_t {
    error = WMLB_STATUS_ERROR,
    begin = WMLB_STATUS_BACKUPRESTORE_BEGIN,
    end = WMLB_STATUS_BACKUPRESTORE_END,
    connecting = WMLB_STATUS_BACKUPRESTORE_CONNECTING,
    disconnecting = WMLB_STATUS_BACKUPRESTORE_DISCONNECTING,
    error_with_url = WMLB_STATUS_ERROR_WITHURL,
    restricted_license = WMLB_STATUS_RESTRICTED_LICENSE,
    progress = WMLB_STATUS_PROGRESS,
    license_skipped = WMLB_STATUS_LICENSE_SKIPPED,
    fewer_licenses = WMLB_STATUS_FEWER_LICENSES,
};

/// An event of an operation. It is valid during the call only; an owned_event outlives it.
class event {
public:
    event(std::int32_t status, wmlb_hresult hr, std::int32_t type, const std::uint8_t *value,
          std::size_t size) noexcept
        : status_(status), hr_(hr), type_(type), value_(value), size_(size)
    {
    }

    /// What it tells.
    wmlb::status status() const noexcept { return static_cast<wmlb::status>(status_); }

    /// How it went; in the last event, the operation's result.
    std::error_code code() const noexcept { return make_error_code(hr_); }

    /// Its string, "" when it has none: of `end` the backup file, of `error` the words, of
    /// `license_skipped` the name. It has a NUL after it.
    std::string_view text() const noexcept
    {
        if (type_ != WMLB_TYPE_STRING || value_ == nullptr)
            return {};
        return {reinterpret_cast<const char *>(value_), size_};
    }

    /// How far the operation is, when that is what the event tells.
    std::optional<wmlb_progress> progress() const noexcept
    {
        if (status_ != WMLB_STATUS_PROGRESS || value_ == nullptr)
            return std::nullopt;
        wmlb_progress progress{};
        std::memcpy(&progress, value_, size_ < sizeof progress ? size_ : sizeof progress);
        return progress;
    }

    /// How many licenses the backup that is replaced has, and how many this one, when that is
    /// what the event tells.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> fewer() const noexcept
    {
        std::uint64_t counts[2];
        if (status_ != WMLB_STATUS_FEWER_LICENSES || size_ < sizeof counts)
            return std::nullopt;
        std::memcpy(counts, value_, sizeof counts);
        return std::make_pair(counts[0], counts[1]);
    }

    /// Whether it is the operation's last.
    bool last() const noexcept
    {
        return status_ == WMLB_STATUS_ERROR || status_ == WMLB_STATUS_BACKUPRESTORE_END ||
               status_ == WMLB_STATUS_ERROR_WITHURL;
    }

private:
    std::int32_t status_;
    wmlb_hresult hr_;
    std::int32_t type_;
    const std::uint8_t *value_;
    std::size_t size_;

    friend class owned_event;
};

/// A copy of an event, for another thread or a later time.
class owned_event {
public:
    explicit owned_event(const event &told)
        : status_(told.status_), hr_(told.hr_), type_(told.type_)
    {
        if (told.value_ != nullptr)
            value_.emplace(reinterpret_cast<const char *>(told.value_), told.size_);
    }

    /// The event, valid as long as this is neither changed nor moved.
    event get() const noexcept
    {
        const auto *value =
            value_ ? reinterpret_cast<const std::uint8_t *>(value_->data()) : nullptr;
        return event(status_, hr_, type_, value, value_ ? value_->size() : 0);
    }

    wmlb::status status() const noexcept { return get().status(); }
    std::error_code code() const noexcept { return get().code(); }
    std::string_view text() const noexcept { return get().text(); }
    std::optional<wmlb_progress> progress() const noexcept { return get().progress(); }
    auto fewer() const noexcept { return get().fewer(); }
    bool last() const noexcept { return get().last(); }

private:
    std::int32_t status_;
    wmlb_hresult hr_;
    std::int32_t type_;
    std::optional<std::string> value_;
};

namespace detail {

/// A function of one argument that may return false to stop, or void never to.
template <typename Argument> class stoppable {
public:
    stoppable() = default;
    stoppable(std::nullptr_t) {}

    template <typename F,
              std::enable_if_t<std::is_invocable_v<std::decay_t<F> &, const Argument &> &&
                                   !std::is_same_v<std::decay_t<F>, stoppable>,
                               int> = 0>
    stoppable(F &&function)
    {
        if constexpr (std::is_void_v<std::invoke_result_t<std::decay_t<F> &, const Argument &>>)
            function_ = [own = std::forward<F>(function)](const Argument &argument) mutable {
                own(argument);
                return true;
            };
        else
            function_ = std::forward<F>(function);
    }

    bool operator()(const Argument &argument) const
    {
        return !function_ || function_(argument);
    }

private:
    std::function<bool(const Argument &)> function_;
};

} // namespace detail

/// The function that receives each event: any function object that takes a `const event &`. If it
/// returns a bool, false cancels the operation. It is copied or moved from, and destroyed on the
/// operation's thread after the last event, before wait() returns. An empty one, or nullptr, is
/// never called.
using event_handler = detail::stoppable<event>;

/// A license in a list: see wmlb_license_info.
struct license {
    std::string name;                 ///< path in the store, its exact bytes
    std::string format;               ///< such as "wmdrm-v7"
    std::string license_id;           ///< "" if it has none
    std::vector<std::string> key_ids; ///< of the keys that it holds
    std::int32_t backup_right = WMLB_RIGHT_NOT_STATED; ///< WMLB_RIGHT_*
    std::uint64_t size = 0;                            ///< bytes
    std::optional<std::int64_t> modified, valid_from, valid_until; ///< Unix seconds, if stated
};

/// The function that receives each license of a list. If it returns a bool, false ends the list.
using license_handler = detail::stoppable<license>;

/// A license that differs between a backup and a store: see wmlb_difference.
struct difference {
    std::int32_t kind = 0;                      ///< WMLB_DIFFERENCE_*
    std::optional<license> in_backup, in_store; ///< nullopt: it is missing
};

/// The function that receives each license that differs. If it returns a bool, false ends the
/// comparison.
using difference_handler = detail::stoppable<difference>;

/// A generation of a backup: see wmlb_generation_info.
struct generation {
    std::filesystem::path path;
    std::optional<std::int64_t> created; ///< Unix seconds, if known
    std::uint64_t size = 0;              ///< bytes of the file
    bool encrypted = false;
    std::optional<std::uint64_t> licenses, bytes; ///< if known
    std::string device_id, store;                 ///< "" if unknown
    std::uint32_t kept_by = 0;                    ///< WMLB_KEPT_* joined by |
};

/// The function that receives each generation of a list. If it returns a bool, false ends the list.
using generation_handler = detail::stoppable<generation>;

/// The function that decides whether a generation that nothing keeps is removed.
using generation_filter = std::function<bool(const generation &)>;

/// The function that chooses licenses of a backup: a restore, a verification or a list deals with
/// those for which it returns true.
using license_filter = std::function<bool(const license &)>;

/// The function that says whether a license may be backed up. It returns WMLB_RIGHT_*.
using license_rights = std::function<std::int32_t(const license &)>;

/// A restore that an authorizer decides about: see wmlb_restore_request.
struct restore_request {
    std::int64_t created = 0;   ///< Unix seconds
    std::string device_id;      ///< "" if unknown
    bool same_device = false;
    std::uint32_t flags = 0;    ///< of the restore
};

/// The function that authorizes a restore. It returns a result code; a failure refuses the
/// restore. It may set an address that the user can go to.
using restore_authorizer = std::function<wmlb_hresult(const restore_request &, std::string &url)>;

/// A store of licenses that a player has: see wmlb_store_info.
struct store_info {
    std::string player, profile, kind; ///< such as "Chromium", "Default", "sqlite"
    std::filesystem::path path;        ///< for restorer::set_store_path()
    std::optional<bool> running;       ///< whether the player has it in use, if known
};

namespace detail {

#if WMLB_HPP_EXCEPTIONS
/// Calls a function, and keeps the exception that it throws in `thrown`. Returns whether to go on.
template <typename F> bool guarded(std::exception_ptr &thrown, F &&function) noexcept
{
    try {
        return function();
    } catch (...) {
        thrown = std::current_exception();
        return false;
    }
}

inline void check(std::error_code code, const std::string &words)
{
    if (code)
        throw error(code, words);
}
#else
template <typename F> bool guarded(std::exception_ptr &, F &&function) noexcept
{
    return function();
}
#endif

inline std::string last_error(wmlb_restorer *handle)
{
    // Other threads may change the words between the two calls.
    for (std::string words;;) {
        std::size_t size = words.size() + 1;
        const wmlb_hresult hr = wmlb_restorer_get_last_error(handle, words.data(), &size);
        if (hr == WMLB_S_OK) {
            words.resize(size - 1);
            return words;
        }
        if (hr != WMLB_E_INSUFFICIENT_BUFFER)
            return {};
        words.resize(size - 1);
    }
}

/// An operation as the restorer, the operation object and the thread share it.
struct run {
    explicit run(wmlb_restorer *of, event_handler with) : handle(of), handler(std::move(with)) {}

    wmlb_restorer *const handle;
    // On the operation's thread, until done.
    event_handler handler;
    std::exception_ptr thrown;
    std::shared_ptr<run> self; // while the library has a pointer to it
    bool telling = false;      // an event
    bool abandoned = false;    // its restorer was released in one of its callbacks

    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    wmlb_hresult result = WMLB_NS_E_DRM_OPERATION_CANCELED;
    std::string words;

    bool is_done()
    {
        std::lock_guard<std::mutex> lock(mutex);
        return done;
    }

    /// The run whose thread this is, from its first event to its end.
    static run *&current() noexcept
    {
        static thread_local run *of_thread = nullptr;
        return of_thread;
    }

    wmlb_hresult tell(const event &event)
    {
        const auto keep = self;
        current() = this;
        telling = true;
        // What has thrown is not called again.
        const bool goes_on =
            !thrown && guarded(thrown, [&]() { return handler(event); });
        if (event.last() && event.status() == status::error)
            (void)guarded(thrown, [&]() { words = event.text(); return true; });
        if (event.last())
            end(event.code() ? event.code().value() : WMLB_S_OK);
        else if (abandoned)
            end(result);
        telling = false;
        return goes_on ? WMLB_S_OK : WMLB_E_FAIL;
    }

    /// Its restorer is released on this thread: after this callback no event comes.
    void abandon()
    {
        abandoned = true;
        if (!telling) {
            const auto keep = self;
            end(result);
        }
    }

private:
    void end(wmlb_hresult with)
    {
        // It may hold what holds the restorer, and is let go of before anybody learns of the end.
        telling = true;
        handler = nullptr;
        current() = nullptr;
        std::lock_guard<std::mutex> lock(mutex);
        done = true;
        result = with;
        self.reset();
        changed.notify_all();
    }
};

inline wmlb_hresult on_status(std::int32_t status, wmlb_hresult hr, std::int32_t type,
                              const std::uint8_t *value, std::size_t size,
                              void *user_data) noexcept
{
    return static_cast<run *>(user_data)->tell(event(status, hr, type, value, size));
}

/// A function of the program, and the exception that it threw in a list. In an operation, the
/// operation keeps the exception.
template <typename F> struct given {
    explicit given(F of) : function(std::move(of)) {}

    F function;
    std::exception_ptr thrown;

    /// Calls the body; false when it threw.
    template <typename Body> bool call(Body &&body) noexcept
    {
        run *const current = run::current();
        return guarded(current != nullptr ? current->thrown : thrown, [&]() {
            body();
            return true;
        });
    }
};

/// The handle, and the run that was started last on it.
struct core {
    wmlb_restorer *handle = nullptr;
    // What the library may still call: as long as the restorer lives.
    std::vector<std::shared_ptr<void>> kept;
    std::shared_ptr<given<license_filter>> filter;
    std::shared_ptr<given<license_rights>> rights;

    template <typename F> std::shared_ptr<given<F>> keep(F function)
    {
        auto own = std::make_shared<given<F>>(std::move(function));
        std::lock_guard<std::mutex> lock(mutex);
        kept.push_back(own);
        return own;
    }

    std::mutex mutex;
    std::shared_ptr<run> latest;

    bool is_latest(const std::shared_ptr<run> &other)
    {
        std::lock_guard<std::mutex> lock(mutex);
        return latest == other;
    }
};

/// What the function of a list needs.
template <typename Handler> struct listing {
    const Handler &handler;
    std::exception_ptr thrown;
    bool stopped;
};

inline std::optional<std::int64_t> stated(std::int64_t time)
{
    return time == INT64_MIN ? std::nullopt : std::optional<std::int64_t>(time);
}

inline license copy_of(const wmlb_license_info &info)
{
    license copy;
    copy.name.assign(reinterpret_cast<const char *>(info.name_bytes), info.name_len);
    copy.format = info.format;
    copy.license_id = info.license_id;
    for (std::string_view rest = info.key_ids; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        copy.key_ids.emplace_back(rest.substr(0, end));
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    copy.backup_right = info.backup_right;
    copy.size = info.size;
    copy.modified = stated(info.modified);
    copy.valid_from = stated(info.valid_from);
    copy.valid_until = stated(info.valid_until);
    return copy;
}

inline wmlb_hresult on_filter(const wmlb_license_info *info, void *ctx) noexcept
{
    auto &own = *static_cast<given<license_filter> *>(ctx);
    bool wanted = false;
    const bool answered = own.call([&]() { wanted = own.function(copy_of(*info)); });
    return !answered ? WMLB_E_FAIL : wanted ? WMLB_S_OK : WMLB_S_FALSE;
}

inline std::int32_t on_rights(const wmlb_license_info *info, void *ctx) noexcept
{
    auto &own = *static_cast<given<license_rights> *>(ctx);
    std::int32_t right = -1; // ends the backup
    static_cast<void>(own.call([&]() { right = own.function(copy_of(*info)); }));
    return right;
}

inline wmlb_hresult on_authorize(const wmlb_restore_request *asked, char *url, std::size_t room,
                                 void *ctx) noexcept
{
    auto &own = *static_cast<given<restore_authorizer> *>(ctx);
    wmlb_hresult answer = WMLB_E_FAIL;
    static_cast<void>(own.call([&]() {
        restore_request request;
        request.created = asked->created;
        request.device_id = asked->device_id;
        request.same_device = asked->same_device == 1;
        request.flags = asked->flags;
        std::string address;
        const wmlb_hresult answered = own.function(request, address);
        if (address.size() < room)
            std::memcpy(url, address.c_str(), address.size() + 1);
        answer = answered;
    }));
    return answer;
}

inline wmlb_hresult on_license(const wmlb_license_info *info, void *user_data) noexcept
{
    auto &listing = *static_cast<detail::listing<license_handler> *>(user_data);
    listing.stopped =
        !guarded(listing.thrown, [&]() { return listing.handler(copy_of(*info)); });
    return listing.stopped ? WMLB_E_FAIL : WMLB_S_OK;
}

inline difference copy_of(const wmlb_difference &told)
{
    difference copy;
    copy.kind = told.kind;
    if (told.in_backup != nullptr)
        copy.in_backup = copy_of(*told.in_backup);
    if (told.in_store != nullptr)
        copy.in_store = copy_of(*told.in_store);
    return copy;
}

inline wmlb_hresult on_difference(const wmlb_difference *told, void *user_data) noexcept
{
    auto &listing = *static_cast<detail::listing<difference_handler> *>(user_data);
    listing.stopped =
        !guarded(listing.thrown, [&]() { return listing.handler(copy_of(*told)); });
    return listing.stopped ? WMLB_E_FAIL : WMLB_S_OK;
}

inline generation copy_of(const wmlb_generation_info &info)
{
    const auto known = [](std::uint64_t amount) {
        return amount == UINT64_MAX ? std::nullopt : std::optional<std::uint64_t>(amount);
    };
    generation copy;
    copy.path = info.path;
    copy.created = stated(info.created);
    copy.size = info.size;
    copy.encrypted = info.encrypted != 0;
    copy.licenses = known(info.licenses);
    copy.bytes = known(info.bytes);
    copy.device_id = info.device_id;
    copy.store = info.store;
    copy.kept_by = info.kept_by;
    return copy;
}

inline wmlb_hresult on_generation(const wmlb_generation_info *info, void *user_data) noexcept
{
    auto &listing = *static_cast<detail::listing<generation_handler> *>(user_data);
    listing.stopped =
        !guarded(listing.thrown, [&]() { return listing.handler(copy_of(*info)); });
    return listing.stopped ? WMLB_E_FAIL : WMLB_S_OK;
}

inline wmlb_hresult on_unwanted(const wmlb_generation_info *info, void *user_data) noexcept
{
    auto &listing = *static_cast<detail::listing<generation_filter> *>(user_data);
    bool goes = true;
    if (info->kept_by != 0 || listing.handler == nullptr)
        return WMLB_S_OK;
    listing.stopped = !guarded(listing.thrown, [&]() {
        goes = listing.handler(copy_of(*info));
        return true;
    });
    return listing.stopped ? WMLB_E_FAIL : goes ? WMLB_S_OK : WMLB_S_FALSE;
}

} // namespace detail

/* ---- operations ---- */

/// A backup, restore or verification that was started; as a std::future stands for its task.
/// Move-only. Destroying one neither cancels the operation nor waits for it; the restorer's
/// destructor does both. It may outlive its restorer. One that was moved from or made by default
/// has no operation: valid() is false, and waiting is errc::invalid_handle.
class [[nodiscard]] operation {
public:
    operation() = default;
    operation(operation &&) noexcept = default;
    operation &operator=(operation &&) noexcept = default;
    operation(const operation &) = delete;
    operation &operator=(const operation &) = delete;

    /// Whether it stands for an operation.
    bool valid() const noexcept { return run_ != nullptr; }

    /// Asks it to end, and returns at once: wait() then reports errc::canceled, unless the cancel
    /// came too late. Has no effect after the end. May be called in a callback.
    void cancel() noexcept
    {
        if (run_ != nullptr && core_->is_latest(run_))
            wmlb_restorer_cancel(run_->handle);
    }

    /// Waits until it has ended, at most for that long. Returns std::future_status::ready too if
    /// there is nothing to wait for (valid() is false), and timeout in a callback.
    std::future_status wait_for(std::chrono::milliseconds time) const
    {
        if (run_ == nullptr)
            return std::future_status::ready;
        const auto count = time.count() < 0 ? 0 : time.count();
        const bool ready =
            ended(count < UINT32_MAX ? static_cast<std::uint32_t>(count) : UINT32_MAX) == 0;
        return ready ? std::future_status::ready : std::future_status::timeout;
    }

    /// Waits until it has ended, and sets code to its result, any number of times. An exception of
    /// a callback is not thrown here: code is errc::canceled then, or the result of the operation.
    /// With errc::not_all_stored, the backup was made, without the licenses that could not be read.
    /// In a callback it does not wait: errc::illegal_call.
    void wait(std::error_code &code) const
    {
        if (run_ == nullptr) {
            code = errc::invalid_handle;
            return;
        }
        const wmlb_hresult hr = ended(UINT32_MAX);
        code = make_error_code(hr == 0 ? run_->result : hr);
    }

    /// The message of its failure; "" while it runs, and if it did not fail.
    std::string words() const
    {
        return run_ != nullptr && run_->is_done() ? run_->words : std::string();
    }

#if WMLB_HPP_EXCEPTIONS
    /// Waits until it has ended. Throws what a callback has thrown, or wmlb::error if the operation
    /// failed or was canceled; any number of times. Returns false if licenses are missing
    /// (errc::not_all_stored, with WMLB_BACKUP_PARTIAL), else true.
    bool wait() const
    {
        std::error_code code;
        wait(code);
        if (run_ != nullptr && code != errc::illegal_call && run_->thrown)
            std::rethrow_exception(run_->thrown);
        if (code == errc::not_all_stored)
            return false;
        detail::check(code, words());
        return true;
    }
#endif

private:
    friend class restorer;

    operation(std::shared_ptr<detail::core> core, std::shared_ptr<detail::run> run) noexcept
        : core_(std::move(core)), run_(std::move(run))
    {
    }

    /// WMLB_S_OK if it has ended, and its thread too.
    wmlb_hresult ended(std::uint32_t timeout) const
    {
        // A later operation on the restorer cannot have begun before this one had ended.
        if (run_->is_done() && !core_->is_latest(run_))
            return WMLB_S_OK;
        wmlb_hresult result = WMLB_S_OK;
        wmlb_hresult hr = wmlb_restorer_wait(run_->handle, timeout, &result);
        if (hr == WMLB_E_HANDLE) {
            // The restorer is gone. If that was in a callback, it may not have returned.
            if (detail::run::current() == run_.get())
                return WMLB_E_ILLEGAL_METHOD_CALL;
            std::unique_lock<std::mutex> lock(run_->mutex);
            const auto done = [&]() { return run_->done; };
            if (timeout == UINT32_MAX)
                run_->changed.wait(lock, done);
            else if (!run_->changed.wait_for(lock, std::chrono::milliseconds(timeout), done))
                return WMLB_E_TIMEOUT;
            return WMLB_S_OK;
        }
        return hr < 0 ? hr : WMLB_S_OK;
    }

    std::shared_ptr<detail::core> core_;
    std::shared_ptr<detail::run> run_;
};

/* ---- restorers ---- */

/// A restorer: properties, and at most one running operation. Move-only. The destructor, and an
/// assignment to it, cancels the running operation and waits until it has ended. Never destroy one
/// on a thread that its callback waits for. In a callback of its own, the destructor returns at
/// once, and no further event comes. After a move, every call is errc::invalid_handle, until
/// another restorer is assigned.
class restorer {
#if WMLB_HPP_EXCEPTIONS
    template <typename F> auto call(F &&function) const
    {
        std::error_code code;
        if constexpr (std::is_void_v<decltype(function(code))>) {
            function(code);
            detail::check(code, code ? last_error() : std::string());
        } else {
            auto value = function(code);
            detail::check(code, code ? last_error() : std::string());
            return value;
        }
    }
#endif

public:
    /// Creates a restorer. If memory has run out, its handle is null, and every call fails.
    restorer() : core_(std::make_shared<detail::core>())
    {
        (void)wmlb_restorer_create(&core_->handle);
    }
    restorer(restorer &&) noexcept = default;
    restorer &operator=(restorer &&other) noexcept
    {
        if (this != &other) {
            release();
            core_ = std::move(other.core_);
        }
        return *this;
    }
    restorer(const restorer &) = delete;
    restorer &operator=(const restorer &) = delete;
    ~restorer() { release(); }

    /// The handle, for the functions of wmlb.h that have no name here, such as
    /// wmlb_restorer_set_store(): functions that you pass to them must not throw. Do not release
    /// it. nullptr after a move.
    wmlb_restorer *handle() const noexcept { return core_ ? core_->handle : nullptr; }

    /// Sets a property of type string: one of WMLB_PROP_*.
    void set(const char *name, std::string_view value, std::error_code &code)
    {
        static const std::uint8_t none = 0;
        code = make_error_code(wmlb_restorer_set_prop(
            handle(), name, WMLB_TYPE_STRING,
            value.empty() ? &none : reinterpret_cast<const std::uint8_t *>(value.data()),
            value.size()));
    }

    /// Sets a property of type DWORD: one of WMLB_PROP_*.
    void set(const char *name, std::uint32_t value, std::error_code &code)
    {
        std::uint8_t bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        code = make_error_code(
            wmlb_restorer_set_prop(handle(), name, WMLB_TYPE_DWORD, bytes, sizeof bytes));
    }

    /// Removes a property. Removing one that is not set is not an error.
    void remove(const char *name, std::error_code &code)
    {
        code = make_error_code(wmlb_restorer_remove_prop(handle(), name));
    }

    /// Reads a property of type string; "" if it is not set and has no default.
    std::string get_string(const char *name, std::error_code &code) const
    {
        const std::vector<std::uint8_t> value = get(name, WMLB_TYPE_STRING, code);
        return value.empty() ? std::string() : std::string(value.begin(), value.end() - 1);
    }

    /// Reads a property of type DWORD.
    std::uint32_t get_number(const char *name, std::error_code &code) const
    {
        const std::vector<std::uint8_t> bytes = get(name, WMLB_TYPE_DWORD, code);
        std::uint32_t value = 0;
        if (bytes.size() == sizeof value)
            std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }

    /// Sets the store: a folder that holds licenses, or a database. Its name must be UTF-8.
    void set_store_path(const std::filesystem::path &path, std::error_code &code)
    {
        set(WMLB_PROP_STORE_PATH, path.string(), code);
    }
    /// Sets the folder that backups are written to. Its name must be UTF-8.
    void set_backup_path(const std::filesystem::path &path, std::error_code &code)
    {
        set(WMLB_PROP_BACKUP_PATH, path.string(), code);
    }
    /// Sets the folder that holds the backup file, or the file. Its name must be UTF-8.
    void set_restore_path(const std::filesystem::path &path, std::error_code &code)
    {
        set(WMLB_PROP_RESTORE_PATH, path.string(), code);
    }
    /// Sets the passphrase of encrypted backups. The library wipes its copy, not yours.
    void set_passphrase(std::string_view passphrase, std::error_code &code)
    {
        set(WMLB_PROP_PASSPHRASE, passphrase, code);
    }

    /// Sets which licenses of a backup restores, verifications and lists deal with: patterns, one
    /// per line, as WMLB_PROP_ONLY says.
    void set_only(std::string_view patterns, std::error_code &code)
    {
        set(WMLB_PROP_ONLY, patterns, code);
    }

    /// Sets which generations backups keep: the property Keep, such as "last=3 daily=7".
    void set_keep(std::string_view rule, std::error_code &code) { set(WMLB_PROP_KEEP, rule, code); }
    /// At how many percent of a backup verifications look, as WMLB_PROP_SAMPLE says.
    void set_sample(std::uint32_t percent, std::error_code &code)
    {
        set(WMLB_PROP_SAMPLE, percent, code);
    }

    /// Sets the function that chooses among these licenses; nullptr: none. An exception of it ends
    /// the operation or the list, and is thrown by wait() or the list. The restorer keeps it as
    /// long as it lives, like the other functions here.
    void set_filter(license_filter filter, std::error_code &code)
    {
        if (core_ == nullptr || filter == nullptr) {
            code = make_error_code(wmlb_restorer_set_filter(handle(), nullptr, nullptr));
            return;
        }
        core_->filter = core_->keep(std::move(filter));
        code = make_error_code(
            wmlb_restorer_set_filter(handle(), detail::on_filter, core_->filter.get()));
    }

    /// Sets the function that says whether a license may be backed up; nullptr: the license
    /// decides.
    void set_rights(license_rights rights, std::error_code &code)
    {
        if (core_ == nullptr || rights == nullptr) {
            code = make_error_code(wmlb_restorer_set_rights(handle(), nullptr, nullptr));
            return;
        }
        core_->rights = core_->keep(std::move(rights));
        code = make_error_code(
            wmlb_restorer_set_rights(handle(), detail::on_rights, core_->rights.get()));
    }

    /// Sets the function that authorizes restores; nullptr: none.
    void set_authorizer(restore_authorizer authorizer, std::error_code &code)
    {
        if (core_ == nullptr || authorizer == nullptr) {
            code = make_error_code(wmlb_restorer_set_authorizer(handle(), nullptr, nullptr));
            return;
        }
        const auto own = core_->keep(std::move(authorizer));
        code =
            make_error_code(wmlb_restorer_set_authorizer(handle(), detail::on_authorize, own.get()));
    }

    /// Starts a backup; flags: 0, or WMLB_BACKUP_* joined by |. If it does not start, code is set,
    /// the handler is never called, and the operation that is returned is not valid().
    operation backup(std::uint32_t flags, event_handler handler, std::error_code &code)
    {
        return start(wmlb_restorer_backup_licenses, flags, std::move(handler), code);
    }
    /// Starts a restore; flags: 0, or WMLB_RESTORE_* and WMLB_ALLOW_CLEAR joined by |. As backup().
    operation restore(std::uint32_t flags, event_handler handler, std::error_code &code)
    {
        return start(wmlb_restorer_restore_licenses, flags, std::move(handler), code);
    }
    /// Starts a verification of the backup file; flags: 0, or WMLB_ALLOW_CLEAR. As backup().
    operation verify(std::uint32_t flags, event_handler handler, std::error_code &code)
    {
        return start(wmlb_restorer_verify_backup, flags, std::move(handler), code);
    }

    /// Cancels the running operation, if there is one. May be called in a callback.
    void cancel() noexcept { wmlb_restorer_cancel(handle()); }

    /// The progress of the running operation, or of the last one; all 0 before the first.
    wmlb_progress progress() const noexcept
    {
        wmlb_progress progress{};
        progress.struct_size = sizeof progress;
        // It fails without a restorer only, and the progress stays 0 then.
        static_cast<void>(wmlb_restorer_get_progress(handle(), &progress));
        return progress;
    }

    /// The message of the last call or operation that failed; "" if none has.
    std::string last_error() const { return detail::last_error(handle()); }

    /// Calls the handler with each license in the store, on this thread.
    void list_store(const license_handler &handler, std::error_code &code) const
    {
        list(wmlb_restorer_enumerate_store, detail::on_license, handler, code);
    }
    /// Calls the handler with each license in the backup file, on this thread. The file is checked
    /// on the way: if it is damaged, the handler has received the licenses before the damage.
    void list_backup(const license_handler &handler, std::error_code &code) const
    {
        list(wmlb_restorer_enumerate_backup, detail::on_license, handler, code);
    }
    /// Describes the backup at RestorePath, or in the target: see wmlb_restorer_backup_info().
    /// kept_by is 0.
    [[nodiscard]] generation backup_info(std::error_code &code) const
    {
        generation told;
        list(wmlb_restorer_backup_info, detail::on_generation,
             generation_handler([&](const generation &one) { told = one; }), code);
        return told;
    }
    /// Calls the handler with each license that differs between the store and the backup file, by
    /// content, on this thread. Licenses that a backup would leave out are not listed.
    void compare(const difference_handler &handler, std::error_code &code) const
    {
        list(wmlb_restorer_compare, detail::on_difference, handler, code);
    }
    /// Calls the handler with each generation of the backup in the folder of RestorePath, the
    /// newest first, on this thread.
    void list_generations(const generation_handler &handler, std::error_code &code) const
    {
        list(wmlb_restorer_enumerate_generations, detail::on_generation, handler, code);
    }
    /// Removes the generations that the property Keep does not keep and for which the filter, if
    /// there is one, returns true. If it throws, nothing is removed.
    void forget_generations(const generation_filter &filter, std::error_code &code)
    {
        list(wmlb_restorer_forget_generations, detail::on_unwanted, filter, code);
    }

#if WMLB_HPP_EXCEPTIONS
    // The same, throwing wmlb::error.
    void set(const char *name, std::string_view value)
    {
        call([&](auto &c) { set(name, value, c); });
    }
    void set(const char *name, std::uint32_t value)
    {
        call([&](auto &c) { set(name, value, c); });
    }
    void remove(const char *name) { call([&](auto &c) { remove(name, c); }); }
    std::string get_string(const char *name) const
    {
        return call([&](auto &c) { return get_string(name, c); });
    }
    std::uint32_t get_number(const char *name) const
    {
        return call([&](auto &c) { return get_number(name, c); });
    }
    void set_store_path(const std::filesystem::path &path)
    {
        call([&](auto &c) { set_store_path(path, c); });
    }
    void set_backup_path(const std::filesystem::path &path)
    {
        call([&](auto &c) { set_backup_path(path, c); });
    }
    void set_restore_path(const std::filesystem::path &path)
    {
        call([&](auto &c) { set_restore_path(path, c); });
    }
    void set_passphrase(std::string_view passphrase)
    {
        call([&](auto &c) { set_passphrase(passphrase, c); });
    }
    void set_only(std::string_view patterns)
    {
        call([&](auto &c) { set_only(patterns, c); });
    }
    void set_keep(std::string_view rule)
    {
        call([&](auto &c) { set_keep(rule, c); });
    }
    void set_sample(std::uint32_t percent)
    {
        call([&](auto &c) { set_sample(percent, c); });
    }
    void set_filter(license_filter filter)
    {
        call([&](auto &c) { set_filter(std::move(filter), c); });
    }
    void set_rights(license_rights rights)
    {
        call([&](auto &c) { set_rights(std::move(rights), c); });
    }
    void set_authorizer(restore_authorizer authorizer)
    {
        call([&](auto &c) { set_authorizer(std::move(authorizer), c); });
    }
    operation backup(std::uint32_t flags = 0, event_handler handler = nullptr)
    {
        return call([&](auto &c) { return backup(flags, std::move(handler), c); });
    }
    operation restore(std::uint32_t flags = 0, event_handler handler = nullptr)
    {
        return call([&](auto &c) { return restore(flags, std::move(handler), c); });
    }
    operation verify(std::uint32_t flags = 0, event_handler handler = nullptr)
    {
        return call([&](auto &c) { return verify(flags, std::move(handler), c); });
    }
    void list_store(const license_handler &handler) const
    {
        call([&](auto &c) { list_store(handler, c); });
    }
    void list_backup(const license_handler &handler) const
    {
        call([&](auto &c) { list_backup(handler, c); });
    }
    [[nodiscard]] generation backup_info() const
    {
        generation told;
        call([&](auto &c) { told = backup_info(c); });
        return told;
    }
    void compare(const difference_handler &handler) const
    {
        call([&](auto &c) { compare(handler, c); });
    }
    void list_generations(const generation_handler &handler) const
    {
        call([&](auto &c) { list_generations(handler, c); });
    }
    void forget_generations(const generation_filter &filter = nullptr)
    {
        call([&](auto &c) { forget_generations(filter, c); });
    }
#endif

private:
    void release() noexcept
    {
        if (core_ == nullptr)
            return;
        detail::run *const current = detail::run::current();
        wmlb_restorer_release(core_->handle);
        if (current != nullptr && current->handle == core_->handle)
            current->abandon();
        core_.reset();
    }

    std::vector<std::uint8_t> get(const char *name, std::int32_t type, std::error_code &code) const
    {
        // Another thread may set a longer one between the calls.
        std::vector<std::uint8_t> value;
        for (;;) {
            std::int32_t its_type = 0;
            std::size_t size = value.size();
            const wmlb_hresult hr = wmlb_restorer_get_prop_by_name(
                handle(), name, &its_type, value.empty() ? nullptr : value.data(), &size);
            code = make_error_code(hr);
            const bool ends = code ? hr != WMLB_E_INSUFFICIENT_BUFFER : !value.empty() || size == 0;
            value.resize(code && ends ? 0 : size);
            if (!code && its_type != type) {
                code = errc::invalid_argument;
                return {};
            }
            if (ends)
                return value;
        }
    }

    using starter = wmlb_hresult (*)(wmlb_restorer *, std::uint32_t, wmlb_status_callback, void *);

    operation start(starter function, std::uint32_t flags, event_handler handler,
                    std::error_code &code)
    {
        if (core_ == nullptr) {
            code = errc::invalid_handle;
            return {};
        }
        auto run = std::make_shared<detail::run>(core_->handle, std::move(handler));
        const auto core = core_; // a callback may destroy this restorer meanwhile
        // An operation object is of one that runs elsewhere: wmlb::queue runs them here.
        if ((flags & WMLB_RUN_HERE) != 0) {
            code = errc::invalid_argument;
            return {};
        }
        // Events may come before the function has returned; they do not touch `latest`.
        run->self = run;
        std::lock_guard<std::mutex> lock(core->mutex);
        const wmlb_hresult hr = function(core->handle, flags, detail::on_status, run.get());
        code = make_error_code(hr);
        if (code) {
            run->self.reset();
            return {};
        }
        core->latest = run;
        return operation(core, std::move(run));
    }

    template <typename Callback, typename Handler>
    void list(wmlb_hresult (*function)(wmlb_restorer *, Callback, void *),
              std::common_type_t<Callback> callback, const Handler &handler,
              std::error_code &code) const
    {
        detail::listing<Handler> listing{handler, nullptr, false};
        const wmlb_hresult hr = function(handle(), callback, &listing);
#if WMLB_HPP_EXCEPTIONS
        if (listing.thrown)
            std::rethrow_exception(listing.thrown);
        if (core_ != nullptr && core_->filter != nullptr && core_->filter->thrown)
            std::rethrow_exception(std::exchange(core_->filter->thrown, nullptr));
        if (core_ != nullptr && core_->rights != nullptr && core_->rights->thrown)
            std::rethrow_exception(std::exchange(core_->rights->thrown, nullptr));
#endif
        code = listing.stopped ? std::error_code() : make_error_code(hr);
    }

    std::shared_ptr<detail::core> core_;
};

/* ---- events that are fetched ---- */

/// A queue of events, for a loop of the program's own: see wmlb_queue. Operations that it starts
/// feed it; their restorers must live until they have ended. Destroying it cancels them.
///
///     wmlb::queue queue;
///     queue.backup(restorer);
///     while (auto event = queue.next())
///         show(*event);
class queue {
public:
#if WMLB_HPP_EXCEPTIONS
    queue()
    {
        std::error_code code;
        create(code);
        detail::check(code, code.message());
    }
#endif
    explicit queue(std::error_code &code) noexcept { create(code); }

    queue(queue &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    queue &operator=(queue &&other) noexcept
    {
        if (this != &other) {
            wmlb_queue_release(handle_);
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    queue(const queue &) = delete;
    queue &operator=(const queue &) = delete;
    ~queue() { wmlb_queue_release(handle_); }

    /// The handle, for the functions of wmlb.h. Do not release it. nullptr after a move.
    wmlb_queue *handle() const noexcept { return handle_; }

    /// Start an operation whose events are fetched here. With WMLB_RUN_HERE they run it, and their
    /// result is that of the operation.
    void backup(restorer &of, std::uint32_t flags, std::error_code &code) noexcept
    {
        start(wmlb_restorer_backup_licenses, of, flags, code);
    }
    void restore(restorer &of, std::uint32_t flags, std::error_code &code) noexcept
    {
        start(wmlb_restorer_restore_licenses, of, flags, code);
    }
    void verify(restorer &of, std::uint32_t flags, std::error_code &code) noexcept
    {
        start(wmlb_restorer_verify_backup, of, flags, code);
    }

    /// The next event, valid until the next call. std::nullopt without an error: no operation feeds
    /// the queue, and nothing is left. std::nullopt with errc::timeout: there is no event yet.
    [[nodiscard]] std::optional<event> next(std::chrono::milliseconds timeout,
                                            std::error_code &code) noexcept
    {
        const auto limit = static_cast<std::chrono::milliseconds::rep>(UINT32_MAX - 1);
        const auto count = timeout.count() < 0 ? 0 : timeout.count();
        return fetch(static_cast<std::uint32_t>(count < limit ? count : limit), code);
    }

    /// The next event, however long it takes; std::nullopt if no operation feeds the queue and
    /// nothing is left.
    [[nodiscard]] std::optional<event> next(std::error_code &code) noexcept
    {
        return fetch(UINT32_MAX, code);
    }

    /// A descriptor that is readable while there are events: see wmlb_queue_fd().
    [[nodiscard]] int descriptor(std::error_code &code) const noexcept
    {
        std::int32_t fd = -1;
        code = make_error_code(wmlb_queue_fd(handle_, &fd));
        return fd;
    }

    /// Cancels the operations that feed it. Returns whether there are any.
    bool cancel() noexcept { return wmlb_queue_cancel(handle_) == WMLB_S_OK; }

#if WMLB_HPP_EXCEPTIONS
    void backup(restorer &of, std::uint32_t flags = 0)
    {
        std::error_code code;
        backup(of, flags, code);
        detail::check(code, code ? of.last_error() : std::string());
    }
    void restore(restorer &of, std::uint32_t flags = 0)
    {
        std::error_code code;
        restore(of, flags, code);
        detail::check(code, code ? of.last_error() : std::string());
    }
    void verify(restorer &of, std::uint32_t flags = 0)
    {
        std::error_code code;
        verify(of, flags, code);
        detail::check(code, code ? of.last_error() : std::string());
    }
    [[nodiscard]] std::optional<event> next()
    {
        std::error_code code;
        auto fetched = next(code);
        detail::check(code, code.message());
        return fetched;
    }
    [[nodiscard]] int descriptor() const
    {
        std::error_code code;
        const int fd = descriptor(code);
        detail::check(code, code.message());
        return fd;
    }
#endif

private:
    using starter = wmlb_hresult (*)(wmlb_restorer *, std::uint32_t, wmlb_status_callback, void *);

    void create(std::error_code &code) noexcept
    {
        code = make_error_code(wmlb_queue_create(&handle_));
    }

    void start(starter function, restorer &of, std::uint32_t flags, std::error_code &code) noexcept
    {
        code = make_error_code(function(of.handle(), flags, wmlb_queue_push, handle_));
    }

    std::optional<event> fetch(std::uint32_t timeout, std::error_code &code) noexcept
    {
        wmlb_event fetched{};
        fetched.struct_size = sizeof fetched;
        const wmlb_hresult hr = wmlb_queue_next(handle_, timeout, &fetched);
        code = make_error_code(hr);
        if (hr != WMLB_S_OK)
            return std::nullopt;
        return event(fetched.status, fetched.hr, fetched.value_type, fetched.value,
                     fetched.value_len);
    }

    wmlb_queue *handle_ = nullptr;
};

/* ---- stores on this machine ---- */

namespace detail {

inline std::vector<store_info> discover(wmlb_hresult (*function)(wmlb_store_callback, void *),
                                        std::error_code &code)
{
    struct {
        std::vector<store_info> stores;
        std::exception_ptr thrown;
    } found;
    using found_type = decltype(found);
    const wmlb_hresult hr = function(
        [](const wmlb_store_info *info, void *user_data) noexcept -> wmlb_hresult {
            auto &into = *static_cast<found_type *>(user_data);
            const bool kept = detail::guarded(into.thrown, [&]() {
                const auto running = info->running < 0 ? std::nullopt
                                                       : std::optional<bool>(info->running != 0);
                into.stores.push_back(
                    {info->player, info->profile, info->kind, info->path, running});
                return true;
            });
            return kept ? WMLB_S_OK : WMLB_E_OUTOFMEMORY;
        },
        &found);
#if WMLB_HPP_EXCEPTIONS
    if (found.thrown)
        std::rethrow_exception(found.thrown);
#endif
    code = make_error_code(hr);
    return std::move(found.stores);
}

} // namespace detail

/// The stores of licenses that players have made for this user: see wmlb_discover_stores().
inline std::vector<store_info> discover_stores(std::error_code &code)
{
    return detail::discover(wmlb_discover_stores, code);
}

/// The places where discover_stores() looks: see wmlb_discover_places().
inline std::vector<store_info> discover_places(std::error_code &code)
{
    return detail::discover(wmlb_discover_places, code);
}

#if WMLB_HPP_EXCEPTIONS
inline std::vector<store_info> discover_stores()
{
    std::error_code code;
    auto stores = discover_stores(code);
    detail::check(code, code.message());
    return stores;
}

inline std::vector<store_info> discover_places()
{
    std::error_code code;
    auto places = discover_places(code);
    detail::check(code, code.message());
    return places;
}
#endif

} // namespace with_exceptions or without_exceptions

} // namespace wmlb

#endif
