#pragma once
// Interfaces of a restored guest as a person writes them.

#include "proto/network.hpp"
#include "tools/host/async.hpp"

#include <string_view>

namespace rouse::host {

/// As proto::parse_interface_words(); a failure quotes the text.
Outcome<proto::NetworkInterface> parse_interface(std::string_view text);

} // namespace rouse::host
