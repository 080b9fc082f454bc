#pragma once
// Interfaces, their addresses and their routes, as the kernel has them.

#include "agent/sys/netlink.hpp"
#include "proto/network.hpp"

#include <string>
#include <vector>

namespace rouse::sys {

struct InterfaceState {
    int index = 0;
    std::string name;
    bool up = false; ///< by will; whether a carrier is there is another matter
    bool ethernet = false;
    std::uint32_t mtu = 0; ///< bytes
    std::optional<proto::MacAddress> mac;

    friend bool operator==(const InterfaceState&, const InterfaceState&) = default;
};

struct AddressState {
    proto::IpPrefix prefix;
    /// The other end of a point-to-point link; otherwise the address itself.
    proto::IpAddress peer;
    bool link_local = false; ///< of IPv6
    bool permanent = true;   ///< neither by router advertisement nor for a time only

    friend bool operator==(const AddressState&, const AddressState&) = default;
};

struct RouteState {
    proto::NetworkRoute route;
    std::uint32_t priority = 0;                  ///< as the kernel has it; 1024 is IPv6's usual one
    std::optional<proto::IpAddress> source = {}; ///< what packets come from
    std::vector<std::uint8_t> metrics = {};      ///< as netlink carries them
    bool kernels_own = false; ///< follows from an address, a redirect or a router advertisement

    friend bool operator==(const RouteState&, const RouteState&) = default;
};

/// What of an interface is to be changed.
struct InterfaceChange {
    std::optional<proto::MacAddress> mac = {};
    std::optional<std::uint32_t> mtu = {};
    std::optional<bool> up = {};

    friend bool operator==(const InterfaceChange&, const InterfaceChange&) = default;
};

/// Blocks for as long as the kernel changes interfaces for somebody else; used by one thread at a
/// time. Source: rtnetlink(7).
class RouteTable {
public:
    static Result<RouteTable> open();

    /// Errors: ENODEV when there is no such interface.
    Result<InterfaceState> link(const std::string& name);
    Result<std::vector<AddressState>> addresses(int link);
    /// Unicast routes of the main table over this interface. A route with several gateways is over
    /// none.
    Result<std::vector<RouteState>> routes(int link);

    /// Errors: EBUSY for a driver that takes a MAC address only when it is down; EINVAL for an MTU
    /// that it cannot have; EPERM.
    Result<> change(int link, const InterfaceChange& change);
    /// Adds the address for good, or makes it so. One of IPv6 may be used at once.
    Result<> add(int link, const proto::IpPrefix& address);
    /// Errors: EADDRNOTAVAIL when it has gone.
    Result<> remove(int link, const AddressState& address);
    /// Takes the place of a route to the same network with the same priority.
    /// Errors: ENETUNREACH, EHOSTUNREACH, EINVAL when the gateway is out of reach.
    Result<> add(int link, const RouteState& route);
    /// Errors: ESRCH when it has gone.
    Result<> remove(int link, const RouteState& route);

private:
    explicit RouteTable(Netlink netlink) : netlink_(std::move(netlink)) {}

    Netlink netlink_;
};

} // namespace rouse::sys
