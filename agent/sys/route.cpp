#include "agent/sys/route.hpp"

#include <algorithm>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

namespace rouse::sys {

namespace {

using proto::IpAddress;
using proto::IpFamily;
using proto::IpPrefix;

std::uint8_t family_of(const IpAddress& address) {
    return address.family == IpFamily::v4 ? AF_INET : AF_INET6;
}

Bytes address_bytes(const IpAddress& address) {
    return Bytes(address.bytes).first(address.size());
}

std::optional<IpAddress> address_in(const std::optional<Bytes>& attribute, unsigned family) {
    IpAddress address;
    address.family = family == AF_INET ? IpFamily::v4 : IpFamily::v6;
    if (!attribute || attribute->size() != address.size()) return std::nullopt;
    std::copy(attribute->begin(), attribute->end(), address.bytes.begin());
    return address;
}

std::optional<proto::MacAddress> mac_in(const std::optional<Bytes>& attribute) {
    proto::MacAddress mac;
    if (!attribute || attribute->size() != mac.bytes.size()) return std::nullopt;
    std::copy(attribute->begin(), attribute->end(), mac.bytes.begin());
    return mac;
}

bool is_ip(unsigned family) {
    return family == AF_INET || family == AF_INET6;
}

InterfaceState link_in(const NetlinkReply& reply) {
    const auto head = reply.head<ifinfomsg>();
    InterfaceState link;
    link.index = head.ifi_index;
    link.up = (head.ifi_flags & IFF_UP) != 0;
    link.ethernet = head.ifi_type == ARPHRD_ETHER;
    link.mtu = number_in(reply.attribute(sizeof head, IFLA_MTU)).value_or(0);
    if (link.ethernet) link.mac = mac_in(reply.attribute(sizeof head, IFLA_ADDRESS));
    if (const auto name = reply.attribute(sizeof head, IFLA_IFNAME); name && !name->empty())
        link.name.assign(name->begin(), name->end() - 1); // without its NUL
    return link;
}

std::optional<AddressState> address_state_in(const NetlinkReply& reply, int link) {
    const auto head = reply.head<ifaddrmsg>();
    const auto peer = address_in(reply.attribute(sizeof head, IFA_ADDRESS), head.ifa_family);
    const auto local = address_in(reply.attribute(sizeof head, IFA_LOCAL), head.ifa_family);
    if (static_cast<int>(head.ifa_index) != link || !is_ip(head.ifa_family) || !peer)
        return std::nullopt;
    AddressState state;
    state.prefix = {local.value_or(*peer), head.ifa_prefixlen};
    state.peer = *peer;
    state.link_local = head.ifa_family == AF_INET6 && head.ifa_scope == RT_SCOPE_LINK;
    const auto flags = number_in(reply.attribute(sizeof head, IFA_FLAGS));
    state.permanent = (flags.value_or(head.ifa_flags) & IFA_F_PERMANENT) != 0;
    return state;
}

bool is_kernels(unsigned protocol) {
    return protocol == RTPROT_KERNEL || protocol == RTPROT_REDIRECT || protocol == RTPROT_RA;
}

std::optional<RouteState> route_in(const NetlinkReply& reply, int link) {
    const auto head = reply.head<rtmsg>();
    const auto table = number_in(reply.attribute(sizeof head, RTA_TABLE));
    const auto over = number_in(reply.attribute(sizeof head, RTA_OIF));
    if (!is_ip(head.rtm_family) || table.value_or(head.rtm_table) != RT_TABLE_MAIN ||
        head.rtm_type != RTN_UNICAST || (head.rtm_flags & RTM_F_CLONED) != 0 ||
        over != static_cast<std::uint32_t>(link))
        return std::nullopt;
    RouteState state;
    IpAddress any;
    any.family = head.rtm_family == AF_INET ? IpFamily::v4 : IpFamily::v6;
    const auto to = address_in(reply.attribute(sizeof head, RTA_DST), head.rtm_family);
    state.route.to = {to.value_or(any), head.rtm_dst_len};
    state.route.via = address_in(reply.attribute(sizeof head, RTA_GATEWAY), head.rtm_family);
    state.route.on_link = state.route.via && (head.rtm_flags & RTNH_F_ONLINK) != 0;
    state.priority = number_in(reply.attribute(sizeof head, RTA_PRIORITY)).value_or(0);
    state.source = address_in(reply.attribute(sizeof head, RTA_PREFSRC), head.rtm_family);
    if (const auto metrics = reply.attribute(sizeof head, RTA_METRICS))
        state.metrics.assign(metrics->begin(), metrics->end());
    state.kernels_own = is_kernels(head.rtm_protocol);
    return state;
}

NetlinkMessage route_message(std::uint16_t type, std::uint16_t flags, int link,
                             const RouteState& state) {
    const proto::NetworkRoute& route = state.route;
    const bool adds = type == RTM_NEWROUTE;
    rtmsg head{};
    head.rtm_family = family_of(route.to.address);
    head.rtm_dst_len = static_cast<std::uint8_t>(route.to.length);
    head.rtm_table = RT_TABLE_MAIN;
    // What is removed matches whatever it is.
    head.rtm_protocol = adds ? RTPROT_STATIC : RTPROT_UNSPEC;
    head.rtm_scope = !adds ? RT_SCOPE_NOWHERE : route.via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    head.rtm_type = RTN_UNICAST;
    head.rtm_flags = route.on_link ? RTNH_F_ONLINK : 0;
    NetlinkMessage message(type, flags, head);
    if (route.to.length > 0) message.add(RTA_DST, address_bytes(route.to.address));
    message.add(RTA_OIF, static_cast<std::uint32_t>(link));
    if (route.via) message.add(RTA_GATEWAY, address_bytes(*route.via));
    if (state.priority != 0) message.add(RTA_PRIORITY, state.priority);
    if (adds && state.source) message.add(RTA_PREFSRC, address_bytes(*state.source));
    if (adds && !state.metrics.empty()) message.add(RTA_METRICS, Bytes(state.metrics));
    return message;
}

/// The last address of the network, where it has room for one. Source: ifconfig(8), RFC 919.
std::optional<IpAddress> broadcast_of(const IpPrefix& prefix) {
    if (prefix.address.family != IpFamily::v4 || prefix.length > 30) return std::nullopt;
    IpAddress address = prefix.address;
    for (unsigned bit = prefix.length; bit < 32; ++bit)
        address.bytes[bit / 8] =
            static_cast<std::uint8_t>(address.bytes[bit / 8] | (0x80U >> (bit % 8)));
    return address;
}

ifaddrmsg address_head(int link, const IpPrefix& prefix) {
    ifaddrmsg head{};
    head.ifa_family = family_of(prefix.address);
    head.ifa_prefixlen = static_cast<std::uint8_t>(prefix.length);
    head.ifa_index = static_cast<std::uint32_t>(link);
    return head;
}

} // namespace

Result<RouteTable> RouteTable::open() {
    Result<Netlink> netlink = Netlink::open(NETLINK_ROUTE);
    if (!netlink) return netlink.error();
    return RouteTable(std::move(*netlink));
}

Result<InterfaceState> RouteTable::link(const std::string& name) {
    // Asked for all: a request for one would be answered before its acknowledgement.
    std::optional<InterfaceState> found;
    const Result<> told = netlink_.dump(
        {RTM_GETLINK, 0, ifinfomsg{}}, [&] { found.reset(); },
        [&](const NetlinkReply& reply) {
            const InterfaceState link = link_in(reply);
            if (link.name == name) found = link;
        });
    if (!told) return told.error();
    if (!found) return error_from(ENODEV);
    return *found;
}

Result<std::vector<AddressState>> RouteTable::addresses(int link) {
    std::vector<AddressState> found;
    const Result<> told = netlink_.dump(
        {RTM_GETADDR, 0, ifaddrmsg{}}, [&] { found.clear(); },
        [&](const NetlinkReply& reply) {
            if (const auto state = address_state_in(reply, link)) found.push_back(*state);
        });
    if (!told) return told.error();
    return found;
}

Result<std::vector<RouteState>> RouteTable::routes(int link) {
    std::vector<RouteState> found;
    const Result<> told = netlink_.dump(
        {RTM_GETROUTE, 0, rtmsg{}}, [&] { found.clear(); },
        [&](const NetlinkReply& reply) {
            if (auto state = route_in(reply, link)) found.push_back(std::move(*state));
        });
    if (!told) return told.error();
    return found;
}

Result<> RouteTable::change(int link, const InterfaceChange& change) {
    ifinfomsg head{};
    head.ifi_family = AF_UNSPEC;
    head.ifi_index = link;
    if (change.up) head.ifi_change = IFF_UP;
    if (change.up.value_or(false)) head.ifi_flags = IFF_UP;
    NetlinkMessage message(RTM_NEWLINK, 0, head);
    if (change.mac) message.add(IFLA_ADDRESS, Bytes(change.mac->bytes));
    if (change.mtu) message.add(IFLA_MTU, *change.mtu);
    return netlink_.request(std::move(message));
}

Result<> RouteTable::add(int link, const IpPrefix& address) {
    ifaddrmsg head = address_head(link, address);
    if (address.address.family == IpFamily::v6) head.ifa_flags = IFA_F_NODAD;
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, head);
    message.add(IFA_LOCAL, address_bytes(address.address));
    message.add(IFA_ADDRESS, address_bytes(address.address));
    if (const std::optional<IpAddress> broadcast = broadcast_of(address))
        message.add(IFA_BROADCAST, address_bytes(*broadcast));
    return netlink_.request(std::move(message));
}

Result<> RouteTable::remove(int link, const AddressState& address) {
    NetlinkMessage message(RTM_DELADDR, 0, address_head(link, address.prefix));
    message.add(IFA_LOCAL, address_bytes(address.prefix.address));
    message.add(IFA_ADDRESS, address_bytes(address.peer));
    return netlink_.request(std::move(message));
}

Result<> RouteTable::add(int link, const RouteState& route) {
    return netlink_.request(route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, link, route));
}

Result<> RouteTable::remove(int link, const RouteState& route) {
    return netlink_.request(route_message(RTM_DELROUTE, 0, link, route));
}

} // namespace rouse::sys
