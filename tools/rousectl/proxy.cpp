// rousectl proxy: the guest's HTTP API on an address of this machine.
#include "tools/host/byte_relay.hpp"
#include "tools/rousectl/listening.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto dial_limit = 10s;

/// An answer for whoever cannot be connected: curl shows it.
std::string bad_gateway(const std::string& why) {
    const std::string body = boost::json::serialize(
        boost::json::object{{"error", {{"kind", "unreachable"}, {"message", why}}}});
    return fmt::format("HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n"
                       "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                       body.size(), body);
}

host::Awaitable<> serve_proxy(Listening with, host::Socket near) {
    auto far = co_await with.dialer.connect(with.dialer.target().exec_port,
                                            host::Clock::now() + dial_limit);
    if (!far) {
        with.notices.say("rousectl: " + far.error().message);
        const std::string answer = bad_gateway(far.error().message);
        (void)co_await boost::asio::async_write(near, boost::asio::buffer(answer),
                                                host::no_throw); // gone: needs none
        co_return;
    }
    const bool hybrid =
        with.dialer.target().kind == host::Target::Kind::unix_socket && !with.dialer.plain();
    host::Awaitable<> relaying = host::relay_bytes(
        near, *far, hybrid ? host::HalfClose::kept_back : host::HalfClose::passed_on);
    co_await std::move(relaying);
}

host::LocalServer::Serve make_proxy(Listening with) {
    return [with](host::Socket socket) { return serve_proxy(with, std::move(socket)); };
}

struct ProxyOptions {
    std::vector<std::string> addresses;
    std::size_t most = most_connections;
};

int proxy(const host::Target& target, const ProxyOptions& options) {
    std::vector<std::pair<host::LocalAddress, MakeServe>> places;
    for (const std::string& text : options.addresses) {
        const auto address = host::parse_local_address(text);
        if (!address) throw std::runtime_error(address.error().message);
        places.emplace_back(*address, make_proxy);
    }
    if (places.empty()) places.emplace_back(host::LocalAddress(), make_proxy);
    return listen_and_serve(target, places, options.most);
}

} // namespace

void add_proxy(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "proxy", "Offers the guest's HTTP API on this machine until it is interrupted, and prints "
                 "where.\nWhoever reaches the address has root in the guest: a Unix socket is for "
                 "its owner only,\na port of 127.0.0.1 for every user of this machine.");
    const auto options = std::make_shared<ProxyOptions>();
    command
        ->add_option("--listen", options->addresses,
                     "Where; may be repeated; a free port of 127.0.0.1 without")
        ->type_name("unix:PATH|tcp:127.0.0.1:PORT")
        ->allow_extra_args(false);
    command->add_option("--max", options->most, "Connections at a time")
        ->check(CLI::Range(1U, 4096U))
        ->capture_default_str();
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return proxy(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
