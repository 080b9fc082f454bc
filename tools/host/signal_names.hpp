#pragma once
// Signals as a person writes them.

#include "tools/host/async.hpp"

#include <string_view>

namespace rouse::host {

/// "TERM", "SIGTERM", "term", "15", "RTMIN+3" as Linux numbers them, 1–64. Fails on anything else.
Outcome<int> parse_signal(std::string_view text);

} // namespace rouse::host
