#include "agent/sys/defence.hpp"

#ifdef ROUSE_TEST_BUILD

#include "proto/text.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace rouse::sys {

namespace {

/// In the order of the enumeration.
constexpr std::array<std::string_view, 11> names = {
    "write-deadline", "frame-cap",     "stall-redial", "independent-writers",
    "relay-watchdog", "exit-first",    "close-range",  "peer-cid",
    "coalesce",       "confirm-first", "conn-tracker"};

} // namespace

bool is_off(Defence defence) {
    const char* const variable = std::getenv("ROUSE_DEFENCE_OFF");
    return variable != nullptr && proto::lists(variable, names[static_cast<std::size_t>(defence)]);
}

} // namespace rouse::sys

#endif
