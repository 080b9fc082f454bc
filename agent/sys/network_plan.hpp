#pragma once
// What has to be done so that an interface is what a document says: pure, from what is wanted and
// what is there.

#include "agent/sys/route.hpp"

namespace rouse::sys {

/// What an interface has at the end. Made before anything is changed, since what the document does
/// not name may get lost on the way: an interface that goes down loses its routes and its IPv6
/// addresses, an IPv4 address takes others of its network with it.
struct NetworkGoal {
    proto::NetworkInterface wanted;
    std::vector<proto::IpPrefix> addresses; ///< the document's, or those for good from before
    std::vector<RouteState> routes;         ///< the document's, or all from before
    /// The address that IPv6 makes of the MAC address, when it is there and that one changes.
    std::optional<proto::IpPrefix> old_link_local;
    std::optional<proto::IpPrefix> new_link_local;
};

NetworkGoal network_goal(const proto::NetworkInterface& wanted, const InterfaceState& link,
                         const std::vector<AddressState>& addresses,
                         const std::vector<RouteState>& routes);

/// What of the link is not yet as it is wanted. It is up in the end.
InterfaceChange plan_link(const NetworkGoal& goal, const InterfaceState& present);

struct AddressPlan {
    std::vector<AddressState> remove; ///< first; look again afterwards
    std::vector<proto::IpPrefix> add;
};

/// Addresses that the document does not name are removed when it names any list.
AddressPlan plan_addresses(const NetworkGoal& goal, const std::vector<AddressState>& present);

struct RoutePlan {
    std::vector<RouteState> remove;
    std::vector<RouteState> add; ///< in this order: what others need to reach their gateways first
};

/// The same for routes. Those that the kernel makes are neither removed nor added.
RoutePlan plan_routes(const NetworkGoal& goal, const std::vector<RouteState>& present);

/// The link-local address that is made of a MAC address. Source: RFC 4291, appendix A.
proto::IpPrefix link_local_address(const proto::MacAddress& mac);

/// "default via 10.0.0.1", for people.
std::string to_text(const proto::NetworkRoute& route);

} // namespace rouse::sys
