#pragma once
// Interfaces as a person writes them in one word: on a command line of rousectl or of the kernel.

#include "proto/network.hpp"

#include <string_view>

namespace rouse::proto {

/// "eth0=10.0.0.6/24,fd00::6/64,mac=52:54:00:00:00:02,mtu=1400,via=10.0.0.1,route=10.9.0.0/16@10.0.0.2":
/// each part may be missing, addresses, `via` (a default gateway) and `route` (a network and the
/// gateway to it) may come several times. Without an address those of before stay, and `none` is no
/// address at all; without `via` and `route` the routes of before stay. A gateway that is in no
/// network of the addresses is taken to be on the link. The problem of anything else names the
/// member of the document that the word stands for.
Parsed<NetworkInterface> parse_interface_words(std::string_view text);

} // namespace rouse::proto
