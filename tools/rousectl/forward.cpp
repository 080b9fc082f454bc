// rousectl forward: ports and sockets of a guest on addresses of this machine.
#include "tools/host/forward_client.hpp"
#include "tools/rousectl/listening.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto forward_limit = 10s;

struct ForwardOptions {
    std::vector<std::string> rules;
    std::size_t most = most_connections;
};

proto::ForwardRequest to_forward_request(const host::LocalAddress& remote) {
    proto::ForwardRequest request;
    if (remote.kind == host::LocalAddress::Kind::tcp)
        request.tcp = remote.port;
    else
        request.socket = remote.path;
    return request;
}

host::Awaitable<> serve_forward(Listening with, proto::ForwardRequest request,
                                host::Socket socket) {
    host::Awaitable<host::Outcome<>> forwarding = host::forward_connection(
        with.dialer, std::move(socket), std::move(request), host::Clock::now() + forward_limit);
    const host::Outcome<> done = co_await std::move(forwarding);
    if (!done) with.notices.say("rousectl: " + done.error().message);
}

MakeServe make_forward(const host::LocalAddress& remote) {
    return [request = to_forward_request(remote)](Listening with) {
        return [with, request](host::Socket socket) {
            return serve_forward(with, request, std::move(socket));
        };
    };
}

int forward(const host::Target& target, const ForwardOptions& options) {
    std::vector<std::pair<host::LocalAddress, MakeServe>> places;
    for (const std::string& text : options.rules) {
        const auto rule = host::parse_forward_rule(text);
        if (!rule) throw std::runtime_error(rule.error().message);
        const bool is_path = rule->remote.kind == host::LocalAddress::Kind::unix_socket;
        if (is_path && !rule->remote.path.starts_with('/'))
            throw std::runtime_error(fmt::format(
                "'{}': the path of a socket in the guest begins with /", rule->remote.path));
        places.emplace_back(rule->local, make_forward(rule->remote));
    }
    return listen_and_serve(target, places, options.most);
}

} // namespace

void add_forward(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "forward",
        "Offers ports and Unix sockets of the guest on this machine until it is interrupted, and\n"
        "prints where. LOCAL is a port of 127.0.0.1 (0: any that is free) or a path, REMOTE a port "
        "of the\nguest's loopback or a path: 8080:80, 8080:tcp:80, /run/db.sock:unix:/run/db.sock");
    const auto options = std::make_shared<ForwardOptions>();
    command->add_option("rule", options->rules, "LOCAL:REMOTE, may be repeated")->required();
    command->add_option("--max", options->most, "Connections at a time, of each")
        ->check(CLI::Range(1U, 4096U))
        ->capture_default_str();
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return forward(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
