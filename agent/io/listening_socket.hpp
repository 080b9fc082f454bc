#pragma once
// Makes sockets that listen.

#include "agent/io/address.hpp"
#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

namespace rouse::io {

/// A non-blocking, O_CLOEXEC socket that listens on `address`. A Unix socket is born with mode 0600
/// and replaces one that nobody listens on any more. Errors: see Listener::open().
sys::Result<sys::UniqueFd> make_listening_socket(const Address& address);

} // namespace rouse::io
