// rousectl proxy: the guest's HTTP API on an address of this machine.
#include "tools/host/byte_relay.hpp"
#include "tools/host/close_at.hpp"
#include "tools/rousectl/listening.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <memory>

namespace rouse::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto dial_limit = 10s;
constexpr auto refusal_limit = 2s;

/// An answer for whoever cannot be connected: curl shows it.
std::string bad_gateway(const std::string& why) {
    const std::string body = boost::json::serialize(
        boost::json::object{{"error", {{"kind", "unreachable"}, {"message", why}}}});
    return fmt::format("HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n"
                       "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                       body.size(), body);
}

/// Answers in the guest's place. The request may still be under way: a socket that is closed before
/// it has been read refuses it, or resets the connection and takes the answer along (RFC 1122,
/// 4.2.2.13).
host::Awaitable<> refuse(host::Socket& near, std::string answer) {
    const host::CloseAt limit(near, host::Clock::now() + refusal_limit);
    // Whoever is gone needs no answer; reading shows it.
    (void)co_await boost::asio::async_write(near, boost::asio::buffer(answer), host::no_throw);
    host::error_code error;
    (void)near.shutdown(host::Socket::shutdown_send, error);
    std::array<char, 4096> unwanted{};
    while (!error) {
        auto read = co_await near.async_read_some(boost::asio::buffer(unwanted), host::no_throw);
        error = std::get<0>(read);
    }
}

host::Awaitable<> serve_proxy(Listening with, host::Socket near) {
    auto far = co_await with.dialer.connect(with.dialer.target().exec_port,
                                            host::Clock::now() + dial_limit);
    if (!far) {
        with.notices.say("rousectl: " + far.error().message);
        host::Awaitable<> refusing = refuse(near, bad_gateway(far.error().message));
        co_await std::move(refusing);
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
