// What has to be done to an interface, from what is wanted and what is there.
#include "agent/sys/neighbour.hpp"
#include "agent/sys/network_plan.hpp"
#include "proto/text.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace rouse;
using namespace rouse::sys;

namespace {

proto::IpPrefix prefix(const char* text) {
    return proto::parse_ip_prefix(text).value();
}

AddressState present(const char* text) {
    return {.prefix = prefix(text), .peer = prefix(text).address};
}

proto::NetworkRoute route(const char* to, const char* via = nullptr) {
    proto::NetworkRoute route{.to = prefix(to), .via = {}, .on_link = false};
    if (via != nullptr) route.via = proto::parse_ip(via).value();
    return route;
}

InterfaceState link() {
    return {.index = 2,
            .name = "eth0",
            .up = true,
            .ethernet = true,
            .mtu = 1500,
            .mac = proto::parse_mac("52:54:00:00:00:01")};
}

std::vector<std::string> texts(const std::vector<RouteState>& routes) {
    std::vector<std::string> found;
    for (const RouteState& state : routes)
        found.push_back(to_text(state.route));
    return found;
}

} // namespace

TEST_CASE("an interface that is as it should be is left alone", "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    wanted.mac = link().mac;
    wanted.mtu = 1500;
    wanted.addresses = {prefix("10.0.0.5/24"), prefix("fd00::5/64")};
    wanted.routes = {route("0.0.0.0/0", "10.0.0.1")};
    AddressState own = present("fe80::1/64");
    own.link_local = true;
    const std::vector<AddressState> addresses{present("fd00::5/64"), present("10.0.0.5/24"), own};
    const std::vector<RouteState> routes{
        {.route = route("10.0.0.0/24"), .kernels_own = true},
        {.route = route("0.0.0.0/0", "10.0.0.1"), .priority = 100}};
    const NetworkGoal goal = network_goal(wanted, link(), addresses, routes);
    CHECK(plan_link(goal, link()) == InterfaceChange{});
    CHECK(plan_addresses(goal, addresses).remove.empty());
    CHECK(plan_addresses(goal, addresses).add.empty());
    CHECK(plan_routes(goal, routes).remove.empty());
    CHECK(plan_routes(goal, routes).add.empty());
}

TEST_CASE("addresses that the document does not name go, and what it does not speak of stays",
          "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    const std::vector<AddressState> addresses{present("10.0.0.5/24"), present("fd00::5/64")};
    const NetworkGoal untouched = network_goal(wanted, link(), addresses, {});
    CHECK(plan_addresses(untouched, addresses).remove.empty());
    CHECK(plan_addresses(untouched, addresses).add.empty());
    // An interface that was down for a moment gets back what it lost.
    const std::vector<AddressState> left{addresses[0]};
    CHECK(plan_addresses(untouched, left).add == std::vector{prefix("fd00::5/64")});

    wanted.addresses = {prefix("10.0.0.6/24"), prefix("10.0.0.5/16")};
    const NetworkGoal goal = network_goal(wanted, link(), addresses, {});
    CHECK(plan_addresses(goal, addresses).remove == addresses);
    CHECK(plan_addresses(goal, addresses).add == *wanted.addresses);
    wanted.addresses.emplace();
    CHECK(plan_addresses(network_goal(wanted, link(), addresses, {}), addresses).remove ==
          addresses);
}

TEST_CASE("an address for a time only becomes one for good when it is wanted", "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    wanted.addresses = {prefix("10.0.0.5/24")};
    AddressState leased = present("10.0.0.5/24");
    leased.permanent = false;
    const AddressPlan plan = plan_addresses(network_goal(wanted, link(), {leased}, {}), {leased});
    CHECK(plan.remove.empty());
    CHECK(plan.add == *wanted.addresses);
}

TEST_CASE("the link-local address that was made of the MAC address follows it", "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    wanted.mac = proto::parse_mac("52:54:00:00:00:02");
    AddressState made = present("fe80::5054:ff:fe00:1/64");
    made.link_local = true;
    AddressState other = present("fe80::1234/64");
    other.link_local = true;
    const std::vector<AddressState> addresses{made, other};
    const NetworkGoal goal = network_goal(wanted, link(), addresses, {});
    CHECK(plan_link(goal, link()).mac == wanted.mac);
    CHECK(plan_addresses(goal, addresses).remove == std::vector{made});
    CHECK(plan_addresses(goal, addresses).add == std::vector{prefix("fe80::5054:ff:fe00:2/64")});
    CHECK(plan_addresses(network_goal(wanted, link(), {other}, {}), {other}).add.empty());
}

TEST_CASE("routes are replaced by those of the document, what leads to gateways first",
          "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    wanted.routes = {route("0.0.0.0/0", "10.0.0.9"), route("10.0.0.9/32"),
                     route("::/0", "fd00::1")};
    const std::vector<RouteState> routes{{.route = route("0.0.0.0/0", "10.0.0.1")},
                                         {.route = route("10.0.0.0/24"), .kernels_own = true},
                                         {.route = route("::/0", "fd00::1"), .priority = 1024}};
    const RoutePlan plan = plan_routes(network_goal(wanted, link(), {}, routes), routes);
    CHECK(texts(plan.remove) == std::vector<std::string>{"default via 10.0.0.1"});
    CHECK(texts(plan.add) == std::vector<std::string>{"10.0.0.9/32", "default via 10.0.0.9"});
}

TEST_CASE("without routes in the document the old ones come back, without a source that is gone",
          "[network]") {
    proto::NetworkInterface wanted{.name = "eth0"};
    wanted.addresses = {prefix("10.0.0.6/24")};
    const std::vector<RouteState> routes{
        {.route = route("10.0.0.0/24"), .kernels_own = true},
        {.route = route("0.0.0.0/0", "10.0.0.1"),
         .priority = 7,
         .source = proto::parse_ip("10.0.0.5"),
         .metrics = {1, 2}},
        {.route = route("10.9.0.0/16", "10.0.0.1"), .source = proto::parse_ip("10.0.0.6")}};
    const RoutePlan plan =
        plan_routes(network_goal(wanted, link(), {present("10.0.0.5/24")}, routes), {});
    CHECK(plan.remove.empty());
    REQUIRE(plan.add.size() == 2);
    CHECK(plan.add[0] ==
          RouteState{.route = route("0.0.0.0/0", "10.0.0.1"), .priority = 7, .metrics = {1, 2}});
    CHECK(plan.add[1] == routes[2]);
}

TEST_CASE("an ARP announcement names the address as sender and as target", "[network]") {
    const auto frame =
        announcement(*proto::parse_mac("52:54:00:00:00:01"), *proto::parse_ip("10.0.0.5"));
    CHECK(proto::to_hex({reinterpret_cast<const char*>(frame.data()), frame.size()}) ==
          "ffffffffffff525400000001"
          "0806"
          "0001080006040001"
          "525400000001"
          "0a000005"
          "000000000000"
          "0a000005");
}

TEST_CASE("a neighbour advertisement overrides, and its checksum is right", "[network]") {
    const auto frame =
        announcement(*proto::parse_mac("52:54:00:00:00:01"), *proto::parse_ip("fd00::5"));
    const std::string hex =
        proto::to_hex({reinterpret_cast<const char*>(frame.data()), frame.size()});
    CHECK(hex.substr(0, 28) == "33330000000152540000000186dd");
    CHECK(hex.substr(28, 16) == "6000000000203aff");
    CHECK(hex.substr(44, 64) == "fd000000000000000000000000000005ff020000000000000000000000000001");
    CHECK(hex.substr(108, 4) == "8800");
    CHECK(hex.substr(116) == "20000000fd0000000000000000000000000000050201525400000001");
    // Summed with its checksum, a message and its pseudo-header give 0xffff (RFC 1071).
    std::uint32_t sum = 32 + 58;
    for (std::size_t i = 22; i < frame.size(); i += 2)
        sum += static_cast<std::uint32_t>(frame[i] << 8U) + frame[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffffU) + (sum >> 16U);
    CHECK(sum == 0xffff);
}
