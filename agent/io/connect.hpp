#pragma once
// Dials the host, or a Unix socket in tests and for `rouse debug`.

#include "agent/io/address.hpp"
#include "agent/io/async.hpp"
#include "agent/sys/result.hpp"

#include <chrono>

namespace rouse::io {

/// Connects with a new socket, which is non-blocking and O_CLOEXEC. Success proves nothing about
/// the peer: only its answer does (a late transport reset may still kill the connection).
/// A vsock connection comes from a local port below 1000 where we have the privilege, so that the
/// host can tell the agent from the guest's other processes.
/// Errors: ECONNRESET when no host listens on a vsock port, ECONNREFUSED or ENOENT for a Unix
/// socket, ENODEV without a vsock device, EAGAIN when the backlog of a Unix socket is full,
/// ETIMEDOUT at the deadline. The caller may try again after any of them, with a new call.
/// Source: vsock(7), unix(7), connect(2).
Awaitable<sys::Result<Socket>> connect(Executor executor, Address address,
                                       std::chrono::milliseconds deadline);

/// Binds a vsock socket to a local port below 1000; without the privilege, or when all that were
/// tried are taken, the kernel picks one. For everything that dials the host by other means than
/// connect(): who is not root cannot be taken for the agent then. Borrows `fd`. Source: vsock(7).
void bind_privileged_port(int fd);

/// Waits for the end of a connect(2) that was begun on the socket. Returns its error.
Awaitable<error_code> await_connection(Socket& socket);

} // namespace rouse::io
