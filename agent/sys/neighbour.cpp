#include "agent/sys/neighbour.hpp"

#include "agent/sys/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

namespace rouse::sys {

namespace {

using proto::IpAddress;
using proto::MacAddress;
using Frame = std::vector<std::uint8_t>;

constexpr std::uint8_t icmpv6 = 58;

void append(Frame& frame, std::span<const std::uint8_t> bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

void append(Frame& frame, std::initializer_list<std::uint8_t> bytes) {
    frame.insert(frame.end(), bytes);
}

std::span<const std::uint8_t> bytes_in(const IpAddress& address) {
    return std::span(address.bytes).first(address.size());
}

Frame arp_announcement(const MacAddress& mac, const IpAddress& address) {
    Frame frame(6, 0xff); // to everybody
    append(frame, mac.bytes);
    append(frame, {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1}); // an ARP request, Ethernet and IPv4
    append(frame, mac.bytes);
    append(frame, bytes_in(address));
    append(frame, {0, 0, 0, 0, 0, 0});
    append(frame, bytes_in(address));
    return frame;
}

/// The Internet checksum. Source: RFC 1071.
std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8U : bytes[i];
    while (sum > 0xffff)
        sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

Frame advertisement(const MacAddress& mac, const IpAddress& address) {
    IpAddress all_nodes; // ff02::1
    all_nodes.family = proto::IpFamily::v6;
    all_nodes.bytes = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    Frame body{136, 0, 0, 0, 0x20, 0, 0, 0}; // type, code, no checksum yet; the flag to override
    append(body, bytes_in(address));
    append(body, {2, 1}); // our MAC address follows
    append(body, mac.bytes);
    const auto length = static_cast<std::uint8_t>(body.size());

    Frame summed; // RFC 8200, section 8.1
    append(summed, bytes_in(address));
    append(summed, bytes_in(all_nodes));
    append(summed, {0, 0, 0, length, 0, 0, 0, icmpv6});
    append(summed, body);
    const std::uint16_t sum = checksum(summed);
    body[2] = static_cast<std::uint8_t>(sum >> 8U);
    body[3] = static_cast<std::uint8_t>(sum);

    constexpr std::uint8_t hop_limit = 255; // what came through a router is not believed
    Frame frame{0x33, 0x33, 0, 0, 0, 1};
    append(frame, mac.bytes);
    append(frame, {0x86, 0xdd, 0x60, 0, 0, 0, 0, length, icmpv6, hop_limit});
    append(frame, bytes_in(address));
    append(frame, bytes_in(all_nodes));
    append(frame, body);
    return frame;
}

} // namespace

Frame announcement(const MacAddress& mac, const IpAddress& address) {
    return address.family == proto::IpFamily::v4 ? arp_announcement(mac, address)
                                                 : advertisement(mac, address);
}

Result<> announce(int link, const MacAddress& mac, const std::vector<IpAddress>& addresses) {
    // Protocol 0 receives nothing.
    const UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return last_error();
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = link;
    to.sll_halen = ETH_ALEN;
    for (const IpAddress& address : addresses) {
        const Frame frame = announcement(mac, address);
        to.sll_protocol =
            htons(address.family == proto::IpFamily::v4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6);
        std::copy_n(frame.begin(), to.sll_halen, to.sll_addr);
        if (::sendto(socket.get(), frame.data(), frame.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0 &&
            errno != EAGAIN)
            return last_error();
    }
    return {};
}

} // namespace rouse::sys
