#pragma once
// Datagrams on Unix sockets: notifications of services.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rouse::sys {

struct Datagram {
    std::string text;
    uid_t uid = nobody; ///< of the sender
    /// What came along. To close them may take long, and is nothing for the loop.
    std::vector<UniqueFd> descriptors;

    static constexpr auto nobody = static_cast<uid_t>(-1); ///< of who does not say who it is
};

/// A non-blocking socket that receives at `name`, a path or `@name` in the abstract namespace. At a
/// path it replaces what is there, and only root and `sender` may send to it; anybody may where it
/// cannot be given to `sender`, which takes CAP_CHOWN, and in the abstract namespace.
/// Errors: EINVAL for a name that is too long; those of bind(2). Source: unix(7).
Result<UniqueFd> bind_datagrams(const std::string& name, uid_t sender);

/// The next datagram, cut at `limit_bytes`; nothing when none waits. Descriptors are taken, and not
/// refused by SO_PASSRIGHTS (Linux 6.16): a sender waits until one that it has sent is closed, to
/// know that it was heard. Errors: those of recvmsg(2). Source: unix(7), SO_PASSCRED;
/// sd_notify_barrier(3).
Result<std::optional<Datagram>> receive_datagram(int fd, std::size_t limit_bytes);

/// Sends one datagram to `name` without waiting. Errors: ECONNREFUSED, ENOENT when nobody receives
/// there; EAGAIN when its queue is full. Source: unix(7).
Result<> send_datagram(const std::string& name, std::string_view text);

} // namespace rouse::sys
