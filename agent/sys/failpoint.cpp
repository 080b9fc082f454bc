#include "agent/sys/failpoint.hpp"

#ifdef ROUSE_TEST_BUILD

#include <charconv>
#include <cstdlib>
#include <map>
#include <string>

namespace rouse::sys {

namespace {

using Failpoints = std::map<std::string, unsigned, std::less<>>;

Failpoints from_environment() {
    Failpoints points;
    const char* const variable = std::getenv("ROUSE_FAILPOINTS");
    std::string_view rest = variable != nullptr ? variable : "";
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find(','));
        rest.remove_prefix(entry.size() < rest.size() ? entry.size() + 1 : rest.size());
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        unsigned count = 0;
        (void)std::from_chars(entry.data() + equals + 1, entry.data() + entry.size(),
                              count); // what is no number arms nothing
        points[std::string(entry.substr(0, equals))] = count;
    }
    return points;
}

Failpoints& armed() {
    static Failpoints points = from_environment();
    return points;
}

} // namespace

bool failpoint(std::string_view name) {
    const auto place = armed().find(name);
    if (place == armed().end() || place->second == 0) return false;
    --place->second;
    return true;
}

void arm_failpoint(std::string_view name, unsigned count) {
    armed()[std::string(name)] = count;
}

} // namespace rouse::sys

#endif
