#pragma once
// Where a notification goes: the forms that systemd knows for NOTIFY_SOCKET and for the credential
// vmm.notify_socket (sd_notify(3), systemd.system-credentials(7)).

#include "proto/problem.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rouse::proto {

struct NotifyAddress {
    enum class Kind {
        unix_datagram,   ///< `/path`, or `@name` in the abstract namespace
        vsock,           ///< `vsock:CID:PORT`: datagrams where there are any, else packets
        vsock_stream,    ///< `vsock-stream:CID:PORT`
        vsock_datagram,  ///< `vsock-dgram:CID:PORT`
        vsock_seqpacket, ///< `vsock-seqpacket:CID:PORT`
    };

    Kind kind = Kind::unix_datagram;
    std::string path = {};  ///< with its `/` or `@`
    std::uint32_t cid = 0;  ///< 2 is the host
    std::uint32_t port = 0; ///< 4294967295 stands for no port and is refused

    friend bool operator==(const NotifyAddress&, const NotifyAddress&) = default;
};

/// The problem says what is wrong with the text; its place is empty.
Parsed<NotifyAddress> parse_notify_address(std::string_view text);

} // namespace rouse::proto
