#include "agent/sys/network_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::sys {

namespace {

bool has_address(const std::vector<AddressState>& present, const proto::IpPrefix& wanted) {
    return std::any_of(present.begin(), present.end(), [&](const AddressState& state) {
        return state.prefix == wanted && state.peer == wanted.address && state.permanent;
    });
}

/// One that is there for a time only is wanted for good: adding it makes it so.
bool is_wanted(const NetworkGoal& goal, const AddressState& state) {
    return std::any_of(goal.addresses.begin(), goal.addresses.end(), [&](const auto& wanted) {
        return state.prefix == wanted && state.peer == wanted.address;
    });
}

bool is_unwanted(const NetworkGoal& goal, const AddressState& state) {
    if (state.link_local) return goal.old_link_local == state.prefix;
    return goal.wanted.addresses && !is_wanted(goal, state);
}

/// Whether the same packets go the same way. The document says nothing about the rest.
bool same_way(const RouteState& a, const RouteState& b) {
    return a.route == b.route;
}

bool has_way(const std::vector<RouteState>& routes, const RouteState& wanted) {
    return std::any_of(routes.begin(), routes.end(),
                       [&](const RouteState& state) { return same_way(state, wanted); });
}

/// What leads to a gateway comes before what uses it.
int place_of(const RouteState& state) {
    return !state.route.via ? 0 : state.route.on_link ? 1 : 2;
}

/// A source that the interface will not have any more makes the kernel refuse the route.
void drop_lost_source(const NetworkGoal& goal, RouteState& state) {
    const bool kept = state.source && std::any_of(goal.addresses.begin(), goal.addresses.end(),
                                                  [&](const proto::IpPrefix& address) {
                                                      return address.address == *state.source;
                                                  });
    if (!kept) state.source.reset();
}

void set_link_local(NetworkGoal& goal, const InterfaceState& link,
                    const std::vector<AddressState>& addresses) {
    if (!goal.wanted.mac || !link.mac || *goal.wanted.mac == *link.mac) return;
    const proto::IpPrefix old = link_local_address(*link.mac);
    if (!has_address(addresses, old)) return;
    goal.old_link_local = old;
    goal.new_link_local = link_local_address(*goal.wanted.mac);
}

} // namespace

NetworkGoal network_goal(const proto::NetworkInterface& wanted, const InterfaceState& link,
                         const std::vector<AddressState>& addresses,
                         const std::vector<RouteState>& routes) {
    NetworkGoal goal;
    goal.wanted = wanted;
    if (wanted.addresses) {
        goal.addresses = *wanted.addresses;
    } else {
        for (const AddressState& state : addresses)
            if (!state.link_local && state.permanent && state.peer == state.prefix.address)
                goal.addresses.push_back(state.prefix);
    }
    set_link_local(goal, link, addresses);
    if (wanted.routes) {
        for (const proto::NetworkRoute& route : *wanted.routes)
            goal.routes.push_back({.route = route});
    } else {
        std::copy_if(routes.begin(), routes.end(), std::back_inserter(goal.routes),
                     [](const RouteState& state) { return !state.kernels_own; });
        for (RouteState& state : goal.routes)
            drop_lost_source(goal, state);
    }
    std::stable_sort(goal.routes.begin(), goal.routes.end(),
                     [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
    return goal;
}

InterfaceChange plan_link(const NetworkGoal& goal, const InterfaceState& present) {
    InterfaceChange change;
    if (goal.wanted.mac && goal.wanted.mac != present.mac) change.mac = goal.wanted.mac;
    if (goal.wanted.mtu && *goal.wanted.mtu != present.mtu)
        change.mtu = static_cast<std::uint32_t>(*goal.wanted.mtu);
    if (!present.up) change.up = true;
    return change;
}

AddressPlan plan_addresses(const NetworkGoal& goal, const std::vector<AddressState>& present) {
    AddressPlan plan;
    std::copy_if(present.begin(), present.end(), std::back_inserter(plan.remove),
                 [&](const AddressState& state) { return is_unwanted(goal, state); });
    std::vector<proto::IpPrefix> wanted = goal.addresses;
    if (goal.new_link_local) wanted.push_back(*goal.new_link_local);
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(plan.add),
                 [&](const proto::IpPrefix& address) { return !has_address(present, address); });
    return plan;
}

RoutePlan plan_routes(const NetworkGoal& goal, const std::vector<RouteState>& present) {
    RoutePlan plan;
    if (goal.wanted.routes)
        std::copy_if(present.begin(), present.end(), std::back_inserter(plan.remove),
                     [&](const RouteState& state) {
                         return !state.kernels_own && !has_way(goal.routes, state);
                     });
    std::copy_if(goal.routes.begin(), goal.routes.end(), std::back_inserter(plan.add),
                 [&](const RouteState& wanted) { return !has_way(present, wanted); });
    return plan;
}

proto::IpPrefix link_local_address(const proto::MacAddress& mac) {
    constexpr unsigned network_bits = 64;
    constexpr unsigned universal_bit = 2;
    proto::IpPrefix prefix;
    prefix.length = network_bits;
    prefix.address.family = proto::IpFamily::v6;
    prefix.address.bytes = {0xfe,
                            0x80,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            0,
                            mac.bytes[1],
                            mac.bytes[2],
                            0xff,
                            0xfe,
                            mac.bytes[3],
                            mac.bytes[4],
                            mac.bytes[5]};
    prefix.address.bytes[8] = static_cast<std::uint8_t>(mac.bytes[0] ^ universal_bit);
    return prefix;
}

std::string to_text(const proto::NetworkRoute& route) {
    std::string text = route.to.length == 0 ? "default" : proto::to_text(route.to);
    if (route.via) text += fmt::format(" via {}", proto::to_text(*route.via));
    return text;
}

} // namespace rouse::sys
