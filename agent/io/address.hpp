#pragma once
// Where a listener listens and a connection goes: a vsock port, a path of a Unix socket, a port of
// the machine itself, or of another one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <sys/socket.h>

namespace rouse::io {

struct VsockAddress {
    std::uint32_t cid = 0; ///< 2 is the host; 4294967295 stands for any, when listening
    std::uint32_t port = 0;

    friend bool operator==(const VsockAddress&, const VsockAddress&) = default;
};

struct UnixAddress {
    std::string path; ///< at most 107 bytes; no abstract names

    friend bool operator==(const UnixAddress&, const UnixAddress&) = default;
};

/// A TCP port of the machine itself: only connected to, never listened on.
struct LoopbackAddress {
    enum class Family { v4, v6 };

    std::uint16_t port = 0;
    Family family = Family::v4;

    friend bool operator==(const LoopbackAddress&, const LoopbackAddress&) = default;
};

/// A TCP port of another machine: only connected to, never listened on.
struct InternetAddress {
    std::string host; ///< a number, IPv4 or IPv6 without brackets: no name is ever looked up
    std::uint16_t port = 0;

    friend bool operator==(const InternetAddress&, const InternetAddress&) = default;
};

using Address = std::variant<VsockAddress, UnixAddress, LoopbackAddress, InternetAddress>;

/// "vsock:2:4001" or "unix:/run/rouse/debug.sock"; any CID is "vsock:any:1001". "tcp:127.0.0.1:80".
std::string to_text(const Address& address);
/// Reads what to_text() wrote of an address to listen on; nothing for every other text.
std::optional<Address> parse_address(std::string_view text);

/// An address as system calls take it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] int family() const { return storage.ss_family; }
    /// Borrows.
    [[nodiscard]] const sockaddr* get() const;
};

/// Nothing when a path is empty or too long for sockaddr_un, and when a host is no number.
std::optional<SocketAddress> to_socket_address(const Address& address);

} // namespace rouse::io
