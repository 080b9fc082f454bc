#pragma once
// Interfaces of a restored guest as a person writes them.

#include "proto/network.hpp"
#include "tools/host/async.hpp"

#include <string_view>

namespace rouse::host {

/// "eth0=10.0.0.6/24,fd00::6/64,mac=52:54:00:00:00:02,mtu=1400,via=10.0.0.1,route=10.9.0.0/16@10.0.0.2":
/// each part may be missing, addresses, `via` (a default gateway) and `route` (a network and the
/// gateway to it) may come several times. Without an address those of before stay, and `none` is no
/// address at all; without `via` and `route` the routes of before stay. A gateway that is in no
/// network of the addresses is taken to be on the link. Fails on anything else.
Outcome<proto::NetworkInterface> parse_interface(std::string_view text);

} // namespace rouse::host
