#pragma once
// Who is at the other end of an accepted connection, and whether we serve them.

#include "agent/io/address.hpp"

#include <string>

namespace rouse::io {

/// On vsock only the host's CID, so that no process of the guest reaches us through loopback; on a
/// Unix socket root and our own user (SO_PEERCRED). `fd` is borrowed.
bool is_served(int fd, const SocketAddress& peer);

/// "vsock:3:49152", "unix pid 12 uid 1000": for the log.
std::string describe_peer(int fd, const SocketAddress& peer);

/// The same of a connection, also of one that we dialled; "gone" when it has no peer any more.
std::string describe_peer(int fd);

/// Whether an accepted, unread connection can still be used: neither reset by the transport nor
/// closed by its peer. Does not read SO_ERROR, which would destroy the evidence, and leaves the
/// bytes where they are. `fd` is borrowed.
bool is_alive(int fd);

} // namespace rouse::io
