#pragma once
// Commands that listen on this machine until they are interrupted.

#include "tools/host/dialer.hpp"
#include "tools/host/local_server.hpp"
#include "tools/rousectl/notices.hpp"

#include <functional>
#include <memory>

namespace rouse::ctl {

/// What a listening command has at hand.
struct Listening {
    host::Dialer& dialer;
    Notices& notices;
};

/// Makes what serves one connection.
using MakeServe = std::function<host::LocalServer::Serve(Listening)>;

/// Connections at a time, when nothing else is said.
inline constexpr std::size_t most_connections = 256;

/// Prints each address on standard output once it listens, and serves until SIGINT or SIGTERM.
/// Throws std::runtime_error when an address cannot be had.
int listen_and_serve(const host::Target& target,
                     const std::vector<std::pair<host::LocalAddress, MakeServe>>& places,
                     std::size_t most);

} // namespace rouse::ctl
