#pragma once
// Sends one notification, as sd_notify(3) does, to a VMM or another supervisor.

#include "agent/io/async.hpp"
#include "agent/sys/result.hpp"
#include "proto/notify_address.hpp"

#include <chrono>
#include <string>

namespace rouse::io {

/// Sends `text`, lines of NAME=VALUE, on a socket of its own: a datagram or packet, or all there is
/// on a stream. Of a stream or packet it is known that it has arrived once the receiver has closed
/// its end, for which this waits at most until the deadline; that it does not say so is no error.
/// Errors: those of socket(2), connect(2) and send(2); ETIMEDOUT when nobody takes the connection.
Awaitable<sys::Result<>> notify(Executor executor, proto::NotifyAddress address, std::string text,
                                std::chrono::milliseconds deadline);

} // namespace rouse::io
