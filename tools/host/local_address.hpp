#pragma once
// Addresses of this machine that rousectl listens on for others: loopback and Unix sockets only,
// since whoever reaches them has root in the guest.

#include "tools/host/address.hpp"
#include "tools/host/async.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rouse::host {

struct LocalAddress {
    enum class Kind { tcp, unix_socket };

    Kind kind = Kind::tcp;
    std::uint16_t port = 0; ///< of 127.0.0.1; 0: any that is free
    std::string path;       ///< unix only

    [[nodiscard]] std::string text() const;
    [[nodiscard]] Endpoint endpoint() const;

    friend bool operator==(const LocalAddress&, const LocalAddress&) = default;
};

/// "unix:PATH", "/PATH", "tcp:PORT", "tcp:127.0.0.1:PORT", "tcp:localhost:PORT", or these without
/// "tcp:". Fails on anything else, and clearly on another host.
Outcome<LocalAddress> parse_local_address(std::string_view text);

/// "LOCAL:REMOTE", both in the forms above; the remote port is one of the guest and not 0.
struct ForwardRule {
    LocalAddress local;
    LocalAddress remote;
};
Outcome<ForwardRule> parse_forward_rule(std::string_view text);

} // namespace rouse::host
