#pragma once
// What a document says about network interfaces and name servers.

#include "proto/fields.hpp"
#include "proto/ip.hpp"

namespace rouse::proto {

struct NetworkRoute {
    IpPrefix to; ///< a network; of length 0, the default route
    std::optional<IpAddress> via = {};
    /// The gateway is on this very link, although no address says so.
    bool on_link = false;

    friend bool operator==(const NetworkRoute&, const NetworkRoute&) = default;
};

/// What an interface shall be. What is missing stays as it is.
struct NetworkInterface {
    std::string name; ///< "eth0"; never the loopback
    std::optional<MacAddress> mac = {};
    std::optional<std::uint64_t> mtu = {}; ///< bytes
    /// All of its addresses but the link-local ones of IPv6, which the kernel makes.
    std::optional<std::vector<IpPrefix>> addresses = {};
    /// All routes over it but those that the kernel makes.
    std::optional<std::vector<NetworkRoute>> routes = {};

    friend bool operator==(const NetworkInterface&, const NetworkInterface&) = default;
};

/// What resolv.conf shall say, and nothing else.
struct Dns {
    std::vector<IpAddress> servers;
    std::vector<std::string> search;

    friend bool operator==(const Dns&, const Dns&) = default;
};

boost::json::array to_json(const std::vector<NetworkInterface>& network);
boost::json::object to_json(const Dns& dns);

/// The text of /etc/resolv.conf. Source: resolv.conf(5).
std::string resolv_conf(const Dns& dns);

/// Read the member `key` where it is there. Errors name the member of the member. What it has of
/// `dns` takes the place of what was there.
void read_network(Fields& fields, std::string_view key, std::vector<NetworkInterface>& network);
void read_dns(Fields& fields, std::string_view key, std::optional<Dns>& dns);

/// Whether it may be a name in the DNS: labels with underscores, perhaps with the root's dot.
bool is_domain(std::string_view text);

/// Whether a machine may be called so: labels of letters, digits and hyphens, 64 bytes in all.
/// Source: RFC 1123, section 2.1; hostname(7).
bool is_hostname(std::string_view text);

} // namespace rouse::proto
