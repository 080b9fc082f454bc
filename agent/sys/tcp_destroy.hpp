#pragma once
// Ends TCP connections from the outside.

#include "agent/sys/netlink.hpp"
#include "proto/ip.hpp"

#include <cstddef>
#include <stop_token>

namespace rouse::sys {

struct TcpDestroyed {
    std::size_t ended = 0;
    std::size_t kept = 0; ///< connections over the loopback
};

/// Ends every TCP connection of this network namespace but those with a loopback address at either
/// end: reads and writes on them give ECONNABORTED. Sockets that listen stay. The peers are told by
/// a RST where the local address is still ours. Blocks; stops between two connections when `stop`
/// asks for it.
/// Errors: ENOENT without the modules inet_diag and tcp_diag; EOPNOTSUPP without
/// CONFIG_INET_DIAG_DESTROY; EPERM without CAP_NET_ADMIN. Source: sock_diag(7), SOCK_DESTROY.
Result<TcpDestroyed> destroy_tcp(const std::stop_token& stop);

} // namespace rouse::sys
