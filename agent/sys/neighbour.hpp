#pragma once
// Tells the neighbours on a link which addresses are here: switches and their tables learn of a
// machine that has moved or changed its MAC address.

#include "agent/sys/result.hpp"
#include "proto/ip.hpp"

#include <cstdint>
#include <vector>

namespace rouse::sys {

/// An Ethernet frame that announces the address: an ARP announcement for IPv4, an unsolicited
/// neighbour advertisement, to all nodes and to override, for IPv6.
/// Source: RFC 5227, section 2.3; RFC 4861, sections 4.4 and 7.2.6.
std::vector<std::uint8_t> announcement(const proto::MacAddress& mac,
                                       const proto::IpAddress& address);

/// Sends an announcement of each address over an Ethernet interface. Never blocks: what the
/// interface does not take is lost. Errors: EAFNOSUPPORT without CONFIG_PACKET; ENETDOWN; EPERM.
/// Source: packet(7).
Result<> announce(int link, const proto::MacAddress& mac,
                  const std::vector<proto::IpAddress>& addresses);

} // namespace rouse::sys
