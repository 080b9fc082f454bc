#pragma once
// Addresses of network interfaces as values, and how they are written.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::proto {

enum class IpFamily { v4, v6 };

struct IpAddress {
    IpFamily family = IpFamily::v4;
    std::array<std::uint8_t, 16> bytes{}; ///< in network order; of v4 the first four count

    /// 4 or 16 bytes.
    [[nodiscard]] std::size_t size() const { return family == IpFamily::v4 ? 4 : 16; }
    /// 127.0.0.0/8, ::1, and the former as IPv6.
    [[nodiscard]] bool is_loopback() const;
    /// 169.254.0.0/16 and fe80::/10.
    [[nodiscard]] bool is_link_local() const;
    [[nodiscard]] bool is_multicast() const;
    /// 0.0.0.0 and ::.
    [[nodiscard]] bool is_unspecified() const;

    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// An address and how many of its first bits name the network.
struct IpPrefix {
    IpAddress address;
    unsigned length = 0; ///< 0 to 32 or 128

    /// Whether `other` is in this network.
    [[nodiscard]] bool contains(const IpAddress& other) const;
    /// The same network with all other bits 0.
    [[nodiscard]] IpPrefix network() const;

    friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

/// Of an Ethernet interface.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

/// "10.0.0.1" or "fd00::1"; neither zones nor short forms of IPv4. Source: inet_pton(3).
std::optional<IpAddress> parse_ip(std::string_view text);
/// "10.0.0.5/24" or "fd00::5/64".
std::optional<IpPrefix> parse_ip_prefix(std::string_view text);
/// "52:54:00:12:34:56".
std::optional<MacAddress> parse_mac(std::string_view text);

std::string to_text(const IpAddress& address);
std::string to_text(const IpPrefix& prefix);
std::string to_text(const MacAddress& mac);

} // namespace rouse::proto
