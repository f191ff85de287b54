// The driver of C++: reads the calls of README.md from standard input, makes them through wmlb.hpp,
// with its queue, and says what it saw. A host's store and target are for C: see driver.c.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>
#include <wmlb.hpp>

namespace {

using words = std::vector<std::string>;

struct store {
    using contents = std::map<std::string, std::string>;
    contents held, staged;
    contents::const_iterator at;

    static store &of(void *ctx) { return *static_cast<store *>(ctx); }
    static wmlb_hresult open(void *ctx, std::int32_t)
    {
        of(ctx).at = of(ctx).held.begin();
        return WMLB_S_OK;
    }
    static wmlb_hresult next(void *ctx, wmlb_store_license *license)
    {
        if (of(ctx).at == of(ctx).held.end())
            return WMLB_S_FALSE;
        const auto &[name, data] = *of(ctx).at++;
        license->name = reinterpret_cast<const std::uint8_t *>(name.data());
        license->name_len = name.size();
        license->data = reinterpret_cast<const std::uint8_t *>(data.data());
        license->data_len = data.size();
        return WMLB_S_OK;
    }
    static wmlb_hresult put(void *ctx, const wmlb_store_license *license)
    {
        of(ctx).staged[std::string(license->name, license->name + license->name_len)].assign(
            license->data, license->data + license->data_len);
        return WMLB_S_OK;
    }
    static wmlb_hresult commit(void *ctx)
    {
        for (const auto &[name, data] : of(ctx).staged)
            of(ctx).held[name] = data;
        return WMLB_S_OK;
    }
    static void close(void *ctx) { of(ctx).staged.clear(); }
};

struct target {
    std::optional<std::string> published;
    std::string begun;

    static target &of(void *ctx) { return *static_cast<target *>(ctx); }
    static wmlb_hresult begin(void *ctx, std::uint64_t)
    {
        of(ctx).begun.clear();
        return WMLB_S_OK;
    }
    static wmlb_hresult write(void *ctx, const std::uint8_t *data, std::size_t size)
    {
        of(ctx).begun.append(reinterpret_cast<const char *>(data), size);
        return WMLB_S_OK;
    }
    static wmlb_hresult publish(void *ctx, std::int32_t overwrite)
    {
        if (of(ctx).published && overwrite == 0)
            return WMLB_NS_E_DRM_BACKUP_EXISTS;
        of(ctx).published = std::move(of(ctx).begun);
        return WMLB_S_OK;
    }
    static void abandon(void *ctx) { of(ctx).begun.clear(); }
    static wmlb_hresult stat(void *ctx, wmlb_target_info *info)
    {
        if (!of(ctx).published)
            return WMLB_S_FALSE;
        info->size = of(ctx).published->size();
        return WMLB_S_OK;
    }
    static wmlb_hresult read(void *ctx, std::uint64_t offset, std::uint8_t *buffer, std::size_t *len)
    {
        const std::string &bytes = *of(ctx).published;
        *len = bytes.copy(reinterpret_cast<char *>(buffer), *len,
                          std::min<std::size_t>(offset, bytes.size()));
        return WMLB_S_OK;
    }
};

const wmlb_store_ops store_ops = {sizeof store_ops, store::open, store::next,
                                  store::put,       store::commit, store::close};
const wmlb_target_ops target_ops = {
    sizeof target_ops, WMLB_TARGET_CREATE_ONLY | WMLB_TARGET_RANGES,
    target::begin,     target::write, nullptr, target::publish,
    target::abandon,   target::stat,  target::read};

class driver {
public:
    int call(const words &said)
    {
        std::error_code code;
        const std::string &name = said[0];
        if (name == "reset") {
            fetched_ = wmlb::queue();
            restorers_.clear();
            store_ = {};
            target_ = {};
        } else if (name == "new") {
            current_ = restorers_.size();
            restorers_.push_back(std::make_unique<wmlb::restorer>());
        } else if (name == "use") {
            current_ = std::stoul(said[1]);
        } else if (name == "set") {
            own().set(said[1].c_str(), said[2], code);
        } else if (name == "number") {
            own().set(said[1].c_str(), number(said[2]), code);
        } else if (name == "start") {
            start(said[1], number(said[2]), code);
        } else if (name == "drain") {
            fetch({}, code);
        } else if (name == "wait") {
            return wait();
        } else if (name == "cancel") {
            // restorer::cancel() does not say whether anything ran.
            return wmlb_restorer_cancel(own().handle());
        } else if (name == "release") {
            own() = wmlb::restorer();
            wmlb::restorer gone = std::move(own());
        } else if (name == "words") {
            std::cout << "name " << own().last_error() << '\n';
        } else if (name == "list") {
            const auto tell = [](const wmlb::license &license) {
                std::cout << "name " << license.name << '\n';
            };
            if (said[1] == "store")
                own().list_store(tell, code);
            else
                own().list_backup(tell, code);
        } else if (name == "hold") {
            for (auto pair = said.begin() + 1; pair != said.end(); ++pair)
                store_.held[pair->substr(0, pair->find('='))] = pair->substr(pair->find('=') + 1);
            return wmlb_restorer_set_store(own().handle(), &store_ops, &store_);
        } else if (name == "held") {
            for (const auto &[license, data] : store_.held)
                std::cout << "name " << license << '=' << data << '\n';
        } else if (name == "target") {
            return wmlb_restorer_set_target(own().handle(), &target_ops, &target_);
        } else if (name == "open") {
            const int fd = open(said[1].c_str(), said[2] == "w" ? O_RDWR | O_CREAT : O_RDONLY, 0600);
            const int hr = wmlb_restorer_set_target_fd(own().handle(), fd);
            close(fd);
            return hr;
        } else if (name == "exit") {
            std::exit(0);
        } else {
            start(name, number(said[1]), code);
            const std::error_code started = code;
            fetch(said, code);
            return started ? started.value() : wait();
        }
        return code.value();
    }

private:
    wmlb::restorer &own() { return *restorers_.at(current_); }

    static std::uint32_t number(const std::string &word)
    {
        return static_cast<std::uint32_t>(std::stoul(word));
    }

    void start(const std::string &operation, std::uint32_t flags, std::error_code &code)
    {
        if (operation == "backup")
            fetched_.backup(own(), flags, code);
        else if (operation == "restore")
            fetched_.restore(own(), flags, code);
        else
            fetched_.verify(own(), flags, code);
    }

    int wait()
    {
        wmlb_hresult result = WMLB_E_UNEXPECTED;
        const int hr = wmlb_restorer_wait(own().handle(), UINT32_MAX, &result);
        return hr == WMLB_S_OK ? result : hr;
    }

    // said: OPERATION FLAGS [WAY STATUS]
    void fetch(words said, std::error_code &code)
    {
        while (const auto event = fetched_.next(code)) {
            say(*event);
            if (said.size() < 4 || static_cast<int>(event->status()) != std::stoi(said[3]))
                continue;
            if (said[2] == "answer")
                fetched_.cancel();
            else if (said[2] == "restorer")
                own().cancel();
            else if (said[0] == "backup")
                wmlb_restorer_cancel_license_backup(own().handle());
            else
                wmlb_restorer_cancel_license_restore(own().handle());
            said.clear();
        }
    }

    static void say(const wmlb::event &event)
    {
        std::cout << "event " << static_cast<int>(event.status()) << ' ' << event.code().value()
                  << ' ' << event.text();
        if (const auto told = event.progress())
            std::cout << told->licenses_done << ' ' << told->licenses_total << ' '
                      << told->licenses_restricted << ' ' << told->licenses_skipped;
        if (const auto fewer = event.fewer())
            std::cout << fewer->first << ' ' << fewer->second;
        std::cout << '\n';
    }

    wmlb::queue fetched_;
    std::vector<std::unique_ptr<wmlb::restorer>> restorers_;
    std::size_t current_ = 0;
    store store_;
    target target_;
};

} // namespace

int main()
{
    driver driver;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream parts(line);
        const words said{std::istream_iterator<std::string>(parts), {}};
        const int result = driver.call(said);
        std::cout << "result " << result << std::endl;
    }
}
