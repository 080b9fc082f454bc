#include "agent/sys/tcp_destroy.hpp"

#include <array>
#include <vector>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace rouse::sys {

namespace {

/// All but those that listen, are closed already, or only remember that there was a connection.
constexpr std::uint32_t connected_states =
    (1U << TCP_ESTABLISHED) | (1U << TCP_SYN_SENT) | (1U << TCP_SYN_RECV) | (1U << TCP_FIN_WAIT1) |
    (1U << TCP_FIN_WAIT2) | (1U << TCP_CLOSE_WAIT) | (1U << TCP_LAST_ACK) | (1U << TCP_CLOSING);

constexpr std::array<std::uint8_t, 2> families{AF_INET, AF_INET6};

proto::IpAddress address_of(const __be32* words, std::uint8_t family) {
    proto::IpAddress address;
    address.family = family == AF_INET ? proto::IpFamily::v4 : proto::IpFamily::v6;
    std::memcpy(address.bytes.data(), words, address.size());
    return address;
}

bool over_loopback(const inet_diag_msg& socket) {
    return address_of(socket.id.idiag_src, socket.idiag_family).is_loopback() ||
           address_of(socket.id.idiag_dst, socket.idiag_family).is_loopback();
}

inet_diag_req_v2 request_of(std::uint8_t family, std::uint32_t states) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = states;
    return request;
}

Result<std::vector<inet_diag_msg>> connections(Netlink& netlink, std::uint8_t family) {
    std::vector<inet_diag_msg> found;
    const Result<> told = netlink.dump(
        {SOCK_DIAG_BY_FAMILY, 0, request_of(family, connected_states)}, [&] { found.clear(); },
        [&](const NetlinkReply& reply) { found.push_back(reply.head<inet_diag_msg>()); });
    if (!told) return told.error();
    return found;
}

/// The cookie in the id makes sure that it is this connection and no later one.
Result<> destroy(Netlink& netlink, const inet_diag_msg& socket) {
    inet_diag_req_v2 request = request_of(socket.idiag_family, 1U << socket.idiag_state);
    request.id = socket.id;
    Result<> destroyed = netlink.request({SOCK_DESTROY, 0, request});
    // One that ended by itself meanwhile is what was wanted.
    if (!destroyed && destroyed.error() == boost::system::errc::no_such_file_or_directory)
        return {};
    return destroyed;
}

} // namespace

Result<TcpDestroyed> destroy_tcp(const std::stop_token& stop) {
    Result<Netlink> netlink = Netlink::open(NETLINK_SOCK_DIAG);
    if (!netlink) return netlink.error();
    TcpDestroyed outcome;
    for (const std::uint8_t family : families) {
        const Result<std::vector<inet_diag_msg>> found = connections(*netlink, family);
        if (!found) return found.error();
        for (const inet_diag_msg& socket : *found) {
            if (over_loopback(socket)) {
                ++outcome.kept;
                continue;
            }
            if (stop.stop_requested()) return error_from(ECANCELED);
            if (const Result<> ended = destroy(*netlink, socket); !ended) return ended.error();
            ++outcome.ended;
        }
    }
    return outcome;
}

} // namespace rouse::sys
