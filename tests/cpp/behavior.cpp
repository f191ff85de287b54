// The C++ header, on a real store: behavior, and what happens to exceptions.
// Compiled without exceptions too, where every call has its std::error_code.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>

#include "wmlb.hpp"

namespace fs = std::filesystem;

namespace {

int made = 0, failed = 0;

void check_at(bool holds, const char *what, int line)
{
    made++;
    if (!holds) {
        std::fprintf(stderr, "FAIL behavior: %d: %s\n", line, what);
        failed++;
    }
}
#define CHECK(condition) check_at((condition), #condition, __LINE__)

static_assert(!std::is_copy_constructible_v<wmlb::restorer>);
static_assert(!std::is_copy_assignable_v<wmlb::restorer>);
static_assert(std::is_nothrow_move_constructible_v<wmlb::restorer>);
static_assert(!std::is_copy_constructible_v<wmlb::operation>);
static_assert(std::is_nothrow_move_assignable_v<wmlb::operation>);
static_assert(!std::is_copy_constructible_v<wmlb::queue>);
static_assert(std::is_nothrow_move_assignable_v<wmlb::queue>);

bool same(const fs::path &one, const fs::path &other)
{
    const std::string command = "diff -r '" + one.string() + "' '" + other.string() + "'";
    return std::system(command.c_str()) == 0;
}

/// Set up so that calls do not matter to what is tested.
void paths(wmlb::restorer &restorer, const fs::path &store, const fs::path &backup)
{
    std::error_code code;
    restorer.set_store_path(store, code);
    CHECK(!code);
    restorer.set_backup_path(backup, code);
    CHECK(!code);
    restorer.set_restore_path(backup, code);
    CHECK(!code);
}

/// Fetches until nothing can come any more; the result.
std::error_code fetch(wmlb::queue &queue)
{
    std::error_code code, result = wmlb::errc::unexpected;
    bool begun = false, progress = false, ended = false;
    std::vector<wmlb::owned_event> kept;
    while (auto event = queue.next(code)) {
        kept.emplace_back(*event);
        CHECK(kept.back().status() == event->status() && kept.back().text() == event->text());
        CHECK(!code && !ended);
        begun = begun || event->status() == wmlb::status::begin;
        progress = progress || event->progress();
        ended = event->last();
        if (ended)
            result = event->code();
    }
    // They outlive the ones that they are of, and are moved.
    const auto moved = std::move(kept);
    CHECK(!moved.empty() && (moved[0].status() == wmlb::status::begin ||
                              moved[0].status() == wmlb::status::connecting));
    for (const auto &one : moved)
        CHECK(one.progress().has_value() == (one.status() == wmlb::status::progress));
    CHECK(moved.back().last() && moved.back().code() == result && !moved.back().fewer());
    CHECK(moved.back().text().data()[moved.back().text().size()] == 0);
    // The one after the last license comes in each that is not canceled.
    CHECK(!code && begun && ended && (progress || result == wmlb::errc::canceled));
    return result;
}

void fetching(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    paths(restorer, store, folder);
    wmlb::queue queue(code);
    CHECK(!code && queue.handle() != nullptr && !queue.cancel());
    CHECK(queue.descriptor(code) > 2 && !code);
    CHECK(!queue.next(std::chrono::milliseconds(0), code) && !code);
    for (std::uint32_t here : {0u, static_cast<std::uint32_t>(WMLB_RUN_HERE)}) {
        queue.backup(restorer, WMLB_BACKUP_OVERWRITE | here, code);
        CHECK(!code && !fetch(queue));
        queue.verify(restorer, here, code);
        CHECK(!code && !fetch(queue));
        restorer.set_store_path(folder / "restored", code);
        queue.restore(restorer, here, code);
        CHECK(!code && !fetch(queue) && same(store, folder / "restored"));
        restorer.set_store_path(store, code);
    }
    queue.backup(restorer, 0, code);
    CHECK(code == wmlb::errc::backup_exists);
    // An operation object is of one that runs elsewhere.
    CHECK(!restorer.backup(WMLB_RUN_HERE | WMLB_BACKUP_OVERWRITE, nullptr, code).valid());
    CHECK(code == wmlb::errc::invalid_argument);

    wmlb::queue other = std::move(queue);
    other.backup(restorer, WMLB_BACKUP_OVERWRITE, code);
    CHECK(!code);
    other.cancel();
    // A cancel that comes too late changes nothing.
    const std::error_code result = fetch(other);
    CHECK(!result || result == wmlb::errc::canceled);
    CHECK(!other.cancel());
    queue = std::move(other);
    (void)other.next(code);
    CHECK(code == wmlb::errc::invalid_handle);
#if WMLB_HPP_EXCEPTIONS
    wmlb::queue thrower;
    thrower.verify(restorer);
    while (auto event = thrower.next())
        CHECK(!event->code());
    CHECK(thrower.descriptor() > 2);
    try {
        thrower.backup(restorer);
        CHECK(false);
    } catch (const wmlb::error &error) {
        CHECK(error.code() == wmlb::errc::backup_exists);
    }
#endif
}

void codes(const fs::path &store, const fs::path &folder)
{
    CHECK(WMLB_NS_E_DRM_BACKUP_EXISTS == wmlb::errc::backup_exists);
    CHECK(wmlb::errc::backup_exists == WMLB_NS_E_DRM_BACKUP_EXISTS);
    CHECK(WMLB_S_OK != wmlb::errc::backup_exists);
    const std::error_code exists = wmlb::errc::backup_exists;
    CHECK(exists == wmlb::errc::backup_exists);
    CHECK(exists == std::errc::file_exists);
    CHECK(exists.category() == wmlb::category());
    CHECK(exists.message() == wmlb_hresult_message(WMLB_NS_E_DRM_BACKUP_EXISTS));
    CHECK(!wmlb::make_error_code(WMLB_S_FALSE));
    CHECK(wmlb::make_error_code(WMLB_HRESULT_FROM_WIN32(112)) == std::errc::no_space_on_device);

    std::error_code code;
    wmlb::restorer restorer;
    CHECK(!restorer.backup(0, nullptr, code).valid());
    CHECK(code == wmlb::errc::not_configured && !restorer.last_error().empty());
    restorer.set("NoSuch", "x", code);
    CHECK(code == wmlb::errc::unsupported_property);
    restorer.set_backup_path("", code);
    CHECK(code == wmlb::errc::invalid_argument);
    restorer.set(WMLB_PROP_COMPRESSION_LEVEL, 7u, code);
    CHECK(!code && restorer.get_number(WMLB_PROP_COMPRESSION_LEVEL, code) == 7);
    CHECK(restorer.get_string(WMLB_PROP_COMPRESSION_LEVEL, code).empty());
    CHECK(code == wmlb::errc::invalid_argument);
    CHECK(restorer.get_string(WMLB_PROP_BACKUP_PATH, code).empty() && !code);
    restorer.remove(WMLB_PROP_COMPRESSION_LEVEL, code);
    CHECK(!code && restorer.get_number(WMLB_PROP_COMPRESSION_LEVEL, code) == 1);

    // A store that is not there is a failure of the operation, with words.
    paths(restorer, folder / "nowhere", folder / "unmade");
    wmlb::operation backup = restorer.backup(0, nullptr, code);
    CHECK(!code && backup.valid());
    backup.wait(code);
    CHECK(code == wmlb::errc::unable_to_open_store);
    CHECK(backup.words().find("nowhere") != std::string::npos);
    CHECK(store != folder);
}

void whole(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    paths(restorer, store, folder);
    CHECK(restorer.get_string(WMLB_PROP_STORE_PATH, code) == store.string());

    std::vector<wmlb::status> seen;
    std::uint64_t done = 0;
    std::string file;
    wmlb::operation backup = restorer.backup(
        0,
        [&](const wmlb::event &event) {
            seen.push_back(event.status());
            if (const auto progress = event.progress())
                done = progress->licenses_done;
            if (event.last())
                file = event.text();
        },
        code);
    CHECK(!code && backup.valid());
    backup.wait(code);
    CHECK(!code && backup.words().empty());
    backup.wait(code);
    CHECK(!code);
    CHECK(backup.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready);
    CHECK(seen.front() == wmlb::status::begin && seen.back() == wmlb::status::end);
    CHECK(fs::path(file) == folder / WMLB_BACKUP_FILE_NAME && fs::is_regular_file(file));

    std::uint64_t in_store = 0, in_backup = 0;
    restorer.list_store([&](const wmlb::license &license) {
        in_store += !license.name.empty() && !license.format.empty();
    }, code);
    CHECK(!code);
    restorer.list_backup([&](const wmlb::license &) { in_backup++; }, code);
    CHECK(!code && in_store == in_backup && in_store == done && done > 0);
    CHECK(restorer.progress().licenses_done == done);
    int told = 0;
    restorer.list_backup([&](const wmlb::license &) { return ++told < 3; }, code);
    CHECK(!code && told == 3);

    CHECK(!restorer.backup(0, nullptr, code).valid() && code == wmlb::errc::backup_exists);
    wmlb::operation again = restorer.backup(WMLB_BACKUP_OVERWRITE, nullptr, code);
    again.wait(code);
    CHECK(!code);
    // The first one's result stays, whatever came after it.
    backup.wait(code);
    CHECK(!code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(!code);

    restorer.set_store_path(folder / "restored", code);
    restorer.restore(0, nullptr, code).wait(code);
    CHECK(!code && same(store, folder / "restored"));
}

void encrypted(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    paths(restorer, store, folder);
    restorer.set_passphrase("", code);
    CHECK(code == wmlb::errc::invalid_argument);
    restorer.set_passphrase("correct horse battery staple", code);
    CHECK(!code);
    restorer.get_string(WMLB_PROP_PASSPHRASE, code);
    CHECK(code == wmlb::errc::access_denied);
    restorer.backup(0, nullptr, code).wait(code);
    CHECK(!code);
    restorer.remove(WMLB_PROP_PASSPHRASE, code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(code == wmlb::errc::invalid_password);
    restorer.set_passphrase("correct horse battery staple", code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(!code);
    // One in clear is not taken for it.
    restorer.remove(WMLB_PROP_PASSPHRASE, code);
    restorer.backup(WMLB_BACKUP_OVERWRITE, nullptr, code).wait(code);
    restorer.set_passphrase("correct horse battery staple", code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(code == wmlb::errc::invalid_password);
    restorer.verify(WMLB_ALLOW_CLEAR, nullptr, code).wait(code);
    CHECK(!code);
}

void canceling(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    paths(restorer, store, folder);

    // false cancels
    wmlb::operation backup = restorer.backup(
        0, [](const wmlb::event &event) { return event.status() != wmlb::status::begin; }, code);
    backup.wait(code);
    CHECK(code == wmlb::errc::canceled && code == std::errc::operation_canceled);
    CHECK(!fs::exists(folder / WMLB_BACKUP_FILE_NAME));

    // cancel(), while it is held; wait() in a callback; and the operation that is too late
    std::promise<void> begun, go_on;
    std::error_code inside;
    wmlb::operation held;
    held = restorer.backup(
        0,
        [&](const wmlb::event &event) {
            if (event.status() != wmlb::status::begin)
                return;
            begun.set_value();
            go_on.get_future().wait();
            held.wait(inside);
        },
        code);
    begun.get_future().wait();
    CHECK(held.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout);
    CHECK(!restorer.backup(0, nullptr, code).valid() && code == wmlb::errc::busy);
    backup.cancel(); // has ended: is not to cancel the one that runs
    held.cancel();
    go_on.set_value();
    held.wait(code);
    CHECK(code == wmlb::errc::canceled && inside == wmlb::errc::illegal_call);

    // An operation that has ended cancels none that came after it.
    wmlb::operation next = restorer.backup(
        0, [&](const wmlb::event &event) { if (!event.last()) held.cancel(); }, code);
    next.wait(code);
    CHECK(!code);
    backup.wait(code);
    CHECK(code == wmlb::errc::canceled);
}

void lives(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer one;
    paths(one, store, folder);
    wmlb::restorer other = std::move(one);
    one.set_backup_path("/x", code);
    CHECK(code == wmlb::errc::invalid_handle && one.handle() == nullptr);
    CHECK(!one.backup(0, nullptr, code).valid() && code == wmlb::errc::invalid_handle);
    one.cancel();
    CHECK(one.last_error().empty() && one.progress().licenses_done == 0);
    wmlb::operation none;
    none.cancel();
    none.wait(code);
    CHECK(!none.valid() && code == wmlb::errc::invalid_handle && none.words().empty());
    CHECK(none.wait_for(std::chrono::milliseconds(0)) == std::future_status::ready);

    wmlb::operation first = other.backup(0, nullptr, code), second = std::move(first);
    CHECK(!first.valid() && second.valid());
    second.wait(code);
    CHECK(!code);
    one = std::move(other);
    CHECK(one.get_string(WMLB_PROP_STORE_PATH, code) == store.string());

    // The destructor cancels, and the last event comes; the operation outlives it.
    std::promise<void> begun;
    std::atomic<int> last = 0;
    wmlb::operation orphan;
    std::promise<void> go_on;
    {
        wmlb::restorer brief;
        paths(brief, store, folder);
        orphan = brief.backup(
            WMLB_BACKUP_OVERWRITE,
            [&](const wmlb::event &event) {
                if (event.status() == wmlb::status::begin) {
                    begun.set_value();
                    go_on.get_future().wait();
                }
                last += event.last();
            },
            code);
        begun.get_future().wait();
        brief.cancel();
        go_on.set_value();
    }
    CHECK(last == 1);
    orphan.wait(code);
    CHECK(code == wmlb::errc::canceled);

    // Destroyed in its own callback: no further event, and the operation ends.
    auto own = std::make_unique<wmlb::restorer>();
    paths(*own, store, folder);
    int calls = 0;
    std::promise<void> started;
    wmlb::operation left = own->backup(
        WMLB_BACKUP_OVERWRITE,
        [&](const wmlb::event &) {
            started.get_future().wait();
            calls++;
            own.reset();
        },
        code);
    started.set_value();
    left.wait(code);
    CHECK(code == wmlb::errc::canceled && calls == 1);

    // The same in a callback that only wmlb.h has.
    struct context {
        wmlb::restorer restorer;
        std::promise<void> started, released;
    };
    static std::unique_ptr<context> asked; // it may be asked of more than one
    asked = std::make_unique<context>();
    paths(asked->restorer, store, folder);
    const wmlb_hresult set = wmlb_restorer_set_rights(
        asked->restorer.handle(),
        [](const wmlb_license_info *, void *) -> std::int32_t {
            if (asked->restorer.handle() != nullptr) {
                asked->started.get_future().wait();
                wmlb::restorer(std::move(asked->restorer));
                asked->released.set_value();
            }
            return WMLB_RIGHT_NOT_STATED;
        },
        nullptr);
    CHECK(set == WMLB_S_OK);
    auto captured = std::make_shared<int>();
    const std::weak_ptr<int> kept = captured;
    left = asked->restorer.backup(WMLB_BACKUP_OVERWRITE, [captured](const wmlb::event &) {}, code);
    captured.reset();
    asked->started.set_value();
    asked->released.get_future().wait();
    CHECK(left.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    if (left.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        left.wait(code);
        CHECK(code == wmlb::errc::canceled && kept.expired());
    }
}

/// Some licenses of a backup, and what the program is asked.
void choices(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    paths(restorer, store, folder);
    restorer.set_restore_path(folder, code);
    int asked = 0;
    restorer.set_rights([&](const wmlb::license &) { return ++asked, WMLB_RIGHT_ALLOWED; }, code);
    restorer.backup(WMLB_BACKUP_OVERWRITE, nullptr, code).wait(code);
    CHECK(!code && asked > 1);
    std::vector<std::string> names;
    restorer.list_backup([&](const wmlb::license &one) { names.push_back(one.name); }, code);
    CHECK(!code && static_cast<int>(names.size()) == asked);
    restorer.set_filter([&](const wmlb::license &one) { return one.name == names.back(); }, code);
    int listed = 0;
    restorer.list_backup([&](const wmlb::license &) { listed++; }, code);
    CHECK(!code && listed == 1);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(!code && restorer.progress().licenses_done == 1);
    restorer.set_only(names.front(), code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(!code && restorer.progress().licenses_done == 0);
    restorer.set_filter(nullptr, code);
    restorer.verify(0, nullptr, code).wait(code);
    CHECK(!code && restorer.progress().licenses_done == 1);
    restorer.set_authorizer(
        [&](const wmlb::restore_request &request, std::string &url) {
            url = "https://example.com/";
            return request.same_device ? WMLB_NS_E_DRM_RESTORE_FRAUD : WMLB_E_FAIL;
        },
        code);
    std::string address;
    restorer.restore(0, [&](const wmlb::event &event) {
        if (event.status() == wmlb::status::error_with_url)
            address = event.text();
    }, code).wait(code);
    CHECK(code == wmlb::errc::restore_fraud && address == "https://example.com/");
#if WMLB_HPP_EXCEPTIONS
    restorer.set_filter([](const wmlb::license &) -> bool { throw std::out_of_range("it"); });
    bool thrown = false;
    try {
        restorer.list_backup([](const wmlb::license &) {});
    } catch (const std::out_of_range &) {
        thrown = true;
    }
    CHECK(thrown);
    thrown = false;
    try {
        restorer.verify().wait();
    } catch (const std::out_of_range &) {
        thrown = true;
    }
    CHECK(thrown);
#endif
}

/// What owns the restorer, and is owned by the handler while that is needed.
struct player : std::enable_shared_from_this<player> {
    explicit player(std::promise<void> &when) : gone(when) {}
    ~player() { gone.set_value(); }

    std::promise<void> &gone;
    wmlb::restorer restorer;
    wmlb::operation operation;
};

void handlers(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    for (const bool is_last : {false, true}) {
        std::promise<void> gone, started;
        auto one = std::make_shared<player>(gone);
        paths(one->restorer, store, folder);
        one->operation = one->restorer.backup(
            WMLB_BACKUP_OVERWRITE,
            [self = one, &started, waited = false](const wmlb::event &) mutable {
                if (!std::exchange(waited, true))
                    started.get_future().wait();
            },
            code);
        CHECK(!code);
        const std::weak_ptr<player> kept = one;
        if (is_last) { // the handler has the last of it, on the operation's thread
            one.reset();
            started.set_value();
        } else {
            started.set_value();
            one->operation.wait(code);
            CHECK(!code && one.use_count() == 1);
            one.reset();
        }
        CHECK(gone.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
        CHECK(kept.expired());
    }
}

#if WMLB_HPP_EXCEPTIONS
template <typename Thrown, typename F> bool throws(F &&function)
{
    try {
        function();
    } catch (const Thrown &) {
        return true;
    } catch (...) {
    }
    return false;
}

void exceptions(const fs::path &store, const fs::path &folder)
{
    wmlb::restorer restorer;
    restorer.set_store_path(store);
    restorer.set_backup_path(folder);
    restorer.set_restore_path(folder);
    int after = 0;
    wmlb::operation backup = restorer.backup(0, [&](const wmlb::event &event) {
        if (event.status() == wmlb::status::begin)
            throw std::out_of_range("thrown in a callback");
        after++;
    });
    CHECK(throws<std::out_of_range>([&]() { backup.wait(); }));
    CHECK(throws<std::out_of_range>([&]() { backup.wait(); }));
    CHECK(after == 0 && !fs::exists(folder / WMLB_BACKUP_FILE_NAME));
    std::error_code code;
    backup.wait(code);
    CHECK(code == wmlb::errc::canceled);

    // The library is as usable as before.
    CHECK(restorer.backup().wait());
    try {
        (void)restorer.backup();
        CHECK(false);
    } catch (const wmlb::error &error) {
        CHECK(error.code() == wmlb::errc::backup_exists);
        CHECK(error.hresult() == WMLB_NS_E_DRM_BACKUP_EXISTS);
        CHECK(std::string(error.what()).find(folder.string()) != std::string::npos);
    }
    CHECK(throws<std::length_error>([&]() {
        restorer.list_backup([](const wmlb::license &) { throw std::length_error("list"); });
    }));
    CHECK(restorer.verify().wait());
    CHECK(throws<wmlb::error>([&]() { restorer.set_store_path(""); }));
    CHECK(throws<wmlb::error>([]() { wmlb::operation().wait(); }));

    // One that is thrown from the last event comes too, though the backup is there.
    wmlb::operation last = restorer.backup(WMLB_BACKUP_OVERWRITE, [](const wmlb::event &event) {
        if (event.last())
            throw std::domain_error("too late");
    });
    CHECK(throws<std::domain_error>([&]() { last.wait(); }));
    CHECK(restorer.verify().wait());
}
#endif

void differences(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    const fs::path own = folder / "store", to = folder / "to";
    fs::create_directories(folder);
    fs::copy(store, own, fs::copy_options::recursive);
    std::ofstream(own / "!changed") << "1";
    std::ofstream(own / "!removed") << "22";
    paths(restorer, own, to);
    restorer.set_restore_path(to, code);
    restorer.backup(0, nullptr, code).wait(code);
    CHECK(!code);
    std::vector<wmlb::difference> found;
    const auto compare = [&]() {
        found.clear();
        restorer.compare([&](const wmlb::difference &one) { found.push_back(one); }, code);
    };
    compare();
    CHECK(!code && found.empty());
    std::ofstream(own / "!added") << "333";
    std::ofstream(own / "!changed") << "2";
    fs::remove(own / "!removed");
    compare();
    CHECK(!code && found.size() == 3);
    CHECK(found[0].kind == WMLB_DIFFERENCE_ADDED && !found[0].in_backup);
    CHECK(found[0].in_store && found[0].in_store->name == "!added");
    CHECK(found[1].kind == WMLB_DIFFERENCE_CHANGED && found[1].in_backup && found[1].in_store);
    CHECK(found[2].kind == WMLB_DIFFERENCE_REMOVED && !found[2].in_store);
    CHECK(found[2].in_backup && found[2].in_backup->size == 2);
    int told = 0;
    restorer.compare([&](const wmlb::difference &) { return ++told < 2; }, code);
    CHECK(!code && told == 2);
    restorer.set_rights([](const wmlb::license &) { return WMLB_RIGHT_DENIED; }, code);
    compare();
    CHECK(!code && found.size() == 2);
#if WMLB_HPP_EXCEPTIONS
    restorer.set_rights([](const wmlb::license &) -> std::int32_t {
        throw std::out_of_range("it");
    });
    bool thrown = false;
    try {
        restorer.compare([](const wmlb::difference &) {});
    } catch (const std::out_of_range &) {
        thrown = true;
    }
    CHECK(thrown);
#endif
    restorer.set_restore_path(folder / "none", code);
    compare();
    CHECK(code == std::errc::no_such_file_or_directory && found.empty());
}

void generations(const fs::path &store, const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    const fs::path own = folder / "store", to = folder / "to";
    fs::create_directories(folder);
    fs::copy(store, own, fs::copy_options::recursive);
    paths(restorer, own, to);
    restorer.set_restore_path(to, code);
    const auto save = [&](int number) {
        std::ofstream(own / "changing") << number;
        restorer.backup(WMLB_BACKUP_OVERWRITE, nullptr, code).wait(code);
        CHECK(!code);
    };
    restorer.set_keep("last=one", code);
    CHECK(code == std::errc::invalid_argument || code == wmlb::errc::invalid_argument);
    restorer.set_keep("last=9", code);
    CHECK(!code);
    for (int number = 0; number < 4; number++)
        save(number);
    std::vector<wmlb::generation> found;
    const auto list = [&]() {
        found.clear();
        restorer.list_generations([&](const wmlb::generation &one) { found.push_back(one); }, code);
        CHECK(!code);
    };
    list();
    CHECK(found.size() == 4 && found[0].path == to / WMLB_BACKUP_FILE_NAME);
    CHECK(found[0].kept_by == (WMLB_KEPT_CURRENT | WMLB_KEPT_LAST));
    CHECK(found[1].kept_by == WMLB_KEPT_LAST && found[1].size == fs::file_size(found[1].path));
    CHECK(found[1].created && *found[1].created <= *found[0].created && !found[1].encrypted);
    CHECK(found[0].licenses > 1u && found[0].bytes > 1u && found[0].store == "directory");
    CHECK(found[0].device_id.size() == 32);
    int told = 0;
    const auto info = restorer.backup_info(code);
    CHECK(!code && info.path == found[0].path && info.created == found[0].created);
    CHECK(info.licenses == found[0].licenses && info.bytes == found[0].bytes);
    restorer.list_generations([&](const wmlb::generation &) { return ++told < 2; }, code);
    CHECK(!code && told == 2);

    restorer.set_keep("last=2", code);
    const fs::path spared = found[3].path;
    restorer.forget_generations([&](const wmlb::generation &one) { return one.path != spared; },
                                code);
    CHECK(!code);
    list();
    CHECK(found.size() == 3 && found[2].path == spared && found[2].kept_by == 0);
#if WMLB_HPP_EXCEPTIONS
    bool thrown = false;
    try {
        restorer.forget_generations(
            [](const wmlb::generation &) -> bool { throw std::out_of_range("it"); });
    } catch (const std::out_of_range &) {
        thrown = true;
    }
    CHECK(thrown && fs::exists(spared));
#endif
    restorer.forget_generations(nullptr, code);
    CHECK(!code && !fs::exists(spared));
    restorer.remove(WMLB_PROP_KEEP, code);
    restorer.forget_generations(nullptr, code);
    CHECK(code == wmlb::errc::not_configured);
}

void samples(const fs::path &folder)
{
    std::error_code code;
    wmlb::restorer restorer;
    const fs::path store = folder / "store", to = folder / "to";
    fs::create_directories(store);
    std::mt19937 random(1);
    for (int number = 0; number < 5; number++) {
        std::ofstream file(store / std::to_string(number), std::ios::binary);
        for (int at = 0; at < 1 << 20; at++)
            file.put(static_cast<char>(random()));
    }
    paths(restorer, store, to);
    restorer.set_restore_path(to, code);
    restorer.backup(0, nullptr, code).wait(code);
    CHECK(!code);
    const auto verified = [&](std::uint32_t percent) {
        restorer.set_sample(percent, code);
        CHECK(!code);
        restorer.verify(0, nullptr, code).wait(code);
        CHECK(!code);
        return restorer.progress().licenses_done;
    };
    const auto some = verified(1);
    CHECK(some > 0 && some < 5);
    CHECK(verified(100) == 5);
    restorer.set_sample(101, code);
    CHECK(code == wmlb::errc::invalid_argument);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: behavior STORE FOLDER\n");
        return 2;
    }
    const fs::path store = argv[1], folder = argv[2];
    codes(store, folder);
    whole(store, folder / "whole");
    encrypted(store, folder / "encrypted");
    canceling(store, folder / "canceling");
    lives(store, folder / "lives");
    choices(store, folder / "choices");
    samples(folder / "samples");
    handlers(store, folder / "handlers");
    fetching(store, folder / "fetching");
    differences(store, folder / "differences");
    generations(store, folder / "generations");
#if WMLB_HPP_EXCEPTIONS
    exceptions(store, folder / "exceptions");
#endif
    std::error_code code;
    for (const wmlb::store_info &info : wmlb::discover_stores(code))
        CHECK(!info.player.empty() && !info.path.empty());
    CHECK(!code);
    CHECK(!wmlb::discover_places(code).empty() && !code);
    std::printf("behavior: %d checks, %d failed\n", made, failed);
    return failed == 0 ? 0 : 1;
}
