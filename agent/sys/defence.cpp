#include "agent/sys/defence.hpp"

#ifdef ROUSE_TEST_BUILD

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace rouse::sys {

namespace {

/// In the order of the enumeration.
constexpr std::array<std::string_view, 6> names = {"write-deadline", "frame-cap",
                                                   "stall-redial",   "independent-writers",
                                                   "relay-watchdog", "exit-first"};

} // namespace

bool is_off(Defence defence) {
    const char* const variable = std::getenv("ROUSE_DEFENCE_OFF");
    std::string_view rest = variable != nullptr ? variable : "";
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        if (rest.substr(0, comma) == names[static_cast<std::size_t>(defence)]) return true;
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return false;
}

} // namespace rouse::sys

#endif
