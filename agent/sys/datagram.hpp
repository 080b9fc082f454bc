#pragma once
// Datagrams on Unix sockets: notifications of services.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace rouse::sys {

struct Datagram {
    std::string text;
    pid_t pid = 0; ///< of the sender, as our PID namespace knows it; 0: it is in another one
    uid_t uid = 0; ///< of the sender
};

/// A non-blocking socket that receives at `name`, a path or `@name` in the abstract namespace. At a
/// path it replaces what is there, and anybody may send to it.
/// Errors: EINVAL for a name that is too long; those of bind(2). Source: unix(7).
Result<UniqueFd> bind_datagrams(const std::string& name);

/// The next datagram, cut at `limit_bytes`; nothing when none waits, and for one that does not say
/// who sent it. Descriptors that come with it are closed, which is what their sender waits for.
/// Errors: those of recvmsg(2). Source: unix(7), SO_PASSCRED; sd_notify_barrier(3).
Result<std::optional<Datagram>> receive_datagram(int fd, std::size_t limit_bytes);

/// Sends one datagram to `name` without waiting. Errors: ECONNREFUSED, ENOENT when nobody receives
/// there; EAGAIN when its queue is full. Source: unix(7).
Result<> send_datagram(const std::string& name, std::string_view text);

} // namespace rouse::sys
