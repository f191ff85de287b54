// A C++ program as its author would write it: the handle owned by a class, a callback with
// C linkage that forwards to a function object, waiting with the standard library's own
// means. C++11 and later.

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "wmlb.h"

namespace {

class Failure : public std::runtime_error {
public:
    Failure(const std::string &what, wmlb_hresult hr)
        : std::runtime_error(what + ": " + wmlb_hresult_name(hr)), code(hr) {}
    const wmlb_hresult code;
};

using Function = std::function<wmlb_hresult(int32_t, wmlb_hresult, const std::string &)>;

extern "C" {
// An exception must not leave it: it cancels instead, and is thrown where one waits.
static wmlb_hresult forward(int32_t status, wmlb_hresult hr, int32_t type,
                            const uint8_t *value, size_t length, void *user_data);
}

class Restorer {
public:
    Restorer() { check("create", wmlb_restorer_create(&handle_)); }
    ~Restorer() { wmlb_restorer_release(handle_); }
    Restorer(const Restorer &) = delete;
    Restorer &operator=(const Restorer &) = delete;

    void set(const char *name, const std::string &value)
    {
        check(name, wmlb_restorer_set_prop(handle_, name, WMLB_TYPE_STRING,
                                           reinterpret_cast<const uint8_t *>(value.data()),
                                           value.size()));
    }

    std::string get(const char *name) const
    {
        size_t size = 0;
        int32_t type = 0;
        check(name, wmlb_restorer_get_prop_by_name(handle_, name, &type, nullptr, &size));
        std::vector<uint8_t> value(size);
        check(name,
              wmlb_restorer_get_prop_by_name(handle_, name, &type, value.data(), &size));
        return std::string(value.begin(), value.end() - 1);
    }

    void start(uint32_t flags, Function function)
    {
        function_ = std::move(function);
        check("start", wmlb_restorer_backup_licenses(handle_, flags, forward, this));
    }

    wmlb_hresult wait()
    {
        wmlb_hresult result = WMLB_E_FAIL;
        check("wait", wmlb_restorer_wait(handle_, UINT32_MAX, &result));
        if (thrown_)
            std::rethrow_exception(thrown_);
        return result;
    }

    wmlb_hresult cancel() { return wmlb_restorer_cancel(handle_); }

    wmlb_hresult tell(int32_t status, wmlb_hresult hr, const std::string &text) noexcept
    {
        try {
            return function_(status, hr, text);
        } catch (...) {
            thrown_ = std::current_exception();
            return WMLB_E_FAIL;
        }
    }

private:
    static void check(const std::string &what, wmlb_hresult hr)
    {
        if (WMLB_FAILED(hr))
            throw Failure(what, hr);
    }

    wmlb_restorer *handle_ = nullptr;
    Function function_;
    std::exception_ptr thrown_;
};

extern "C" {
static wmlb_hresult forward(int32_t status, wmlb_hresult hr, int32_t type,
                            const uint8_t *value, size_t length, void *user_data)
{
    std::string text;
    if (type == WMLB_TYPE_STRING && value != nullptr)
        text.assign(reinterpret_cast<const char *>(value), length);
    return static_cast<Restorer *>(user_data)->tell(status, hr, text);
}
}

int failed = 0;

void check(bool holds, const char *what)
{
    if (!holds) {
        std::fprintf(stderr, "FAIL raii: %s\n", what);
        failed++;
    }
}

void run(const std::string &folder)
{
    const std::string store = folder + "/store", backup = folder + "/backup";
    const std::string file = backup + "/licenses.wmlb";
    check(mkdir(store.c_str(), 0700) == 0, "a store");
    for (int i = 0; i < 25; i++)
        std::ofstream(store + "/license-" + std::to_string(i)) << "license " << i;

    {
        Restorer restorer;
        restorer.set(WMLB_PROP_STORE_PATH, store);
        restorer.set(WMLB_PROP_BACKUP_PATH, backup);
        check(restorer.get(WMLB_PROP_BACKUP_PATH) == backup, "a property comes back");
        std::vector<int32_t> seen;
        std::string end;
        restorer.start(0, [&](int32_t status, wmlb_hresult, const std::string &text) {
            seen.push_back(status);
            end = text;
            return WMLB_S_OK;
        });
        check(restorer.wait() == WMLB_S_OK, "the backup is made");
        check(seen.front() == WMLB_STATUS_BACKUPRESTORE_BEGIN, "BEGIN comes first");
        check(seen.back() == WMLB_STATUS_BACKUPRESTORE_END, "END comes last");
        check(end == file && std::ifstream(file).good(), "END names the file");

        try {
            restorer.start(0, nullptr);
            check(false, "a backup file that is there is refused");
        } catch (const Failure &failure) {
            check(failure.code == WMLB_NS_E_DRM_BACKUP_EXISTS, "BACKUP_EXISTS");
        }
    }
    check(std::remove(file.c_str()) == 0, "remove the file");

    {
        Restorer restorer;
        restorer.set(WMLB_PROP_STORE_PATH, store);
        restorer.set(WMLB_PROP_BACKUP_PATH, backup);
        restorer.start(0, [](int32_t status, wmlb_hresult, const std::string &) {
            if (status == WMLB_STATUS_PROGRESS)
                throw std::out_of_range("thrown in the callback");
            return WMLB_S_OK;
        });
        try {
            restorer.wait();
            check(false, "what was thrown is thrown again");
        } catch (const std::out_of_range &) {
        }
        check(!std::ifstream(file).good(), "no file");
    }

    {
        // The destructor ends an operation that runs, from another thread than its own.
        std::mutex mutex;
        std::condition_variable changed;
        bool begun = false, goes_on = false;
        wmlb_hresult last = 77;
        std::thread helper;
        {
            Restorer restorer;
            restorer.set(WMLB_PROP_STORE_PATH, store);
            restorer.set(WMLB_PROP_BACKUP_PATH, backup);
            restorer.start(0, [&](int32_t status, wmlb_hresult hr, const std::string &) {
                std::unique_lock<std::mutex> lock(mutex);
                last = hr;
                begun = true;
                changed.notify_all();
                changed.wait(lock, [&] { return goes_on; });
                (void)status;
                return WMLB_S_OK;
            });
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return begun; });
            check(restorer.cancel() == WMLB_S_OK, "cancel");
            helper = std::thread([&] {
                std::lock_guard<std::mutex> own(mutex);
                goes_on = true;
                changed.notify_all();
            });
        }
        helper.join();
        check(last == WMLB_NS_E_DRM_OPERATION_CANCELED, "the last event says canceled");
        check(!std::ifstream(file).good(), "no file after a cancel");
    }
}

} // namespace

int main()
{
    const char *parent = std::getenv("TMPDIR");
    std::string folder = std::string(parent && *parent ? parent : "/tmp") + "/wmlb-cpp-XXXXXX";
    if (mkdtemp(&folder[0]) == nullptr)
        return 2;
    try {
        run(folder);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "FAIL raii: %s\n", error.what());
        failed++;
    }
    check(std::system(("rm -rf '" + folder + "'").c_str()) == 0, "clean up");
    std::printf("raii: %d failed\n", failed);
    return failed == 0 ? 0 : 1;
}
