#pragma once
// Signals as a person writes them.

#include <optional>
#include <string_view>

namespace rouse::proto {

/// "TERM", "SIGTERM", "term", "15", "RTMIN+3" as Linux numbers them, 1–64. Nothing for anything
/// else. signal_name() in exit_status.hpp is the other direction.
std::optional<int> signal_number(std::string_view text);

} // namespace rouse::proto
