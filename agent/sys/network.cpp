#include "agent/sys/network.hpp"

#include "agent/sys/neighbour.hpp"
#include "agent/sys/network_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::sys {

namespace {

/// One run of configure().
class Configuring {
public:
    Configuring(RouteTable table, const proto::NetworkInterface& wanted, std::stop_token stop)
        : table_(std::move(table)), wanted_(wanted), stop_(std::move(stop)) {}

    NetworkOutcome run() {
        const Result<> begun = look();
        if (!begun) {
            problem("the interface", begun.error());
            return outcome_;
        }
        change_link();
        change_addresses();
        change_routes();
        announce_addresses();
        return outcome_;
    }

private:
    void problem(std::string_view what, const error_code& error) {
        outcome_.problems.push_back(fmt::format("{}: {}: {}", wanted_.name, what, error.message()));
    }

    /// Whether it went well. What is not begun any more is no problem of the kernel's.
    template <typename Work>
    bool attempt(std::string_view what, Work work) {
        if (stop_.stop_requested()) return false;
        const Result<> done = work();
        if (!done) problem(what, done.error());
        return done.has_value();
    }

    Result<> look() {
        const Result<InterfaceState> link = table_.link(wanted_.name);
        if (!link) return link.error();
        link_ = *link;
        const Result<std::vector<AddressState>> addresses = table_.addresses(link_.index);
        if (!addresses) return addresses.error();
        const Result<std::vector<RouteState>> routes = table_.routes(link_.index);
        if (!routes) return routes.error();
        goal_ = network_goal(wanted_, link_, *addresses, *routes);
        return {};
    }

    void change_link() {
        const InterfaceChange change = plan_link(goal_, link_);
        if (change.mac) attempt("MAC address", [&] { return change_mac(*change.mac); });
        if (change.mtu)
            attempt("MTU", [&] { return table_.change(link_.index, {.mtu = change.mtu}); });
        if (!link_.up)
            attempt("bringing it up", [&] { return table_.change(link_.index, {.up = true}); });
    }

    /// Some drivers want the interface down for it.
    Result<> change_mac(const proto::MacAddress& mac) {
        const Result<> live = table_.change(link_.index, {.mac = mac});
        if (live || live.error() != boost::system::errc::device_or_resource_busy || !link_.up)
            return live;
        if (const Result<> down = table_.change(link_.index, {.up = false}); !down) return down;
        link_.up = false; // the next step brings it up again, whatever comes of this one
        return table_.change(link_.index, {.mac = mac});
    }

    std::vector<AddressState> present_addresses() {
        Result<std::vector<AddressState>> present = table_.addresses(link_.index);
        if (present) return std::move(*present);
        problem("its addresses", present.error());
        return {};
    }

    void change_addresses() {
        for (const AddressState& address : plan_addresses(goal_, present_addresses()).remove)
            attempt(proto::to_text(address.prefix), [&] { return remove(address); });
        for (const proto::IpPrefix& address : plan_addresses(goal_, present_addresses()).add)
            attempt(proto::to_text(address), [&] { return table_.add(link_.index, address); });
    }

    /// One that went with another one is as good as removed.
    Result<> remove(const AddressState& address) {
        Result<> removed = table_.remove(link_.index, address);
        if (!removed && removed.error() == boost::system::errc::address_not_available) return {};
        return removed;
    }

    void change_routes() {
        const Result<std::vector<RouteState>> present = table_.routes(link_.index);
        if (!present) return problem("its routes", present.error());
        const RoutePlan plan = plan_routes(goal_, *present);
        for (const RouteState& route : plan.remove)
            attempt(to_text(route.route), [&] { return table_.remove(link_.index, route); });
        for (const RouteState& route : plan.add)
            attempt(to_text(route.route), [&] { return add(route); });
    }

    /// A route that nobody asked for may have lost its gateway.
    Result<> add(const RouteState& route) {
        Result<> added = table_.add(link_.index, route);
        if (added || wanted_.routes) return added;
        outcome_.notes.push_back(fmt::format("{}: {} is gone: {}", wanted_.name,
                                             to_text(route.route), added.error().message()));
        return {};
    }

    /// Nobody needs it for certain, and a kernel without packet sockets cannot do it.
    void announce_addresses() {
        if (stop_.stop_requested() || !link_.ethernet) return;
        const Result<InterfaceState> now = table_.link(wanted_.name);
        if (!now || !now->mac) return;
        std::vector<proto::IpAddress> addresses;
        for (const AddressState& state : present_addresses())
            addresses.push_back(state.prefix.address);
        const Result<> announced = announce(link_.index, *now->mac, addresses);
        if (!announced)
            outcome_.notes.push_back(fmt::format("{}: not announced to the neighbours: {}",
                                                 wanted_.name, announced.error().message()));
    }

    RouteTable table_;
    const proto::NetworkInterface& wanted_;
    std::stop_token stop_;
    InterfaceState link_;
    NetworkGoal goal_;
    NetworkOutcome outcome_;
};

} // namespace

Result<> bring_up(const std::string& interface) {
    Result<RouteTable> table = RouteTable::open();
    if (!table) return table.error();
    const Result<InterfaceState> link = table->link(interface);
    if (!link) return link.error();
    return table->change(link->index, {.up = true});
}

NetworkOutcome configure(const proto::NetworkInterface& wanted, const std::stop_token& stop) {
    Result<RouteTable> table = RouteTable::open();
    if (!table) return {.problems = {fmt::format("netlink: {}", table.error().message())}};
    return Configuring(std::move(*table), wanted, stop).run();
}

} // namespace rouse::sys
