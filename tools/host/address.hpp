#pragma once
// Socket addresses of both families as one endpoint type.

#include "tools/host/async.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace rouse::host {

using Endpoint = asio::generic::stream_protocol::endpoint;

/// `path` fits into a sockaddr_un; parse_target() has checked it.
Endpoint unix_endpoint(std::string_view path);
Endpoint vsock_endpoint(std::uint32_t cid, std::uint32_t port);

/// The peer's CID of a connected AF_VSOCK socket; nothing for other families and dead sockets.
std::optional<std::uint32_t> peer_cid(Socket& socket);

/// Asio leaves FD_CLOEXEC to us.
void close_on_exec(int fd);

} // namespace rouse::host
