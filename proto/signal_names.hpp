#pragma once
// Signals as a person writes them.

#include <optional>
#include <string>
#include <string_view>

namespace rouse::proto {

/// "TERM", "SIGTERM", "term", "15", "RTMIN+3" as Linux numbers them, 1–64. Nothing for anything
/// else.
std::optional<int> signal_number(std::string_view text);

/// "SIGTERM" for 15, "SIGRTMIN+3" for 37; "SIG32" for a number without a name.
std::string signal_name(int number);

} // namespace rouse::proto
