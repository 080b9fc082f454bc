#include "tools/rousectl/listening.hpp"

#include "tools/rousectl/session.hpp"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <deque>

#include <unistd.h>

namespace rouse::ctl {
namespace {

host::Awaitable<> run_all(std::deque<host::LocalServer>& servers, host::Tasks& tasks) {
    for (host::LocalServer& server : servers)
        tasks.spawn(server.run());
    co_await tasks.join();
}

} // namespace

int listen_and_serve(const host::Target& target,
                     const std::vector<std::pair<host::LocalAddress, MakeServe>>& places,
                     std::size_t most) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    Notices notices(io.get_executor(), STDERR_FILENO);
    const auto on_trouble = [&notices](const std::string& what) {
        notices.say("rousectl: " + what);
    };
    std::deque<host::LocalServer> servers;
    for (const auto& [address, make] : places) {
        auto listener = host::LocalListener::open(io.get_executor(), address);
        if (!listener) throw std::runtime_error(listener.error().message);
        if (!print(1, listener->address().text() + "\n")) return own_error;
        servers.emplace_back(io.get_executor(), std::move(*listener), most,
                             make({.dialer = dialer, .notices = notices}), on_trouble);
    }
    boost::asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
    signals.async_wait([&servers](boost::system::error_code error, int) {
        if (error) return;
        for (host::LocalServer& server : servers)
            server.stop();
    });
    host::Tasks tasks(io.get_executor(), on_trouble);
    bool done = false;
    boost::asio::co_spawn(io, run_all(servers, tasks), [&](const std::exception_ptr&) {
        done = true;
        signals.cancel();
    });
    io.run();
    return done ? 0 : own_error;
}

} // namespace rouse::ctl
