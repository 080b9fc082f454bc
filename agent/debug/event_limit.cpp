#include "agent/debug/event_limit.hpp"

#include <utility>

namespace rouse::debug {

std::optional<std::uint64_t> EventLimit::admit(std::string_view kind, Clock::time_point now) {
    const auto known = kinds_.find(kind);
    if (known == kinds_.end()) {
        kinds_.emplace(kind, Kind{.admitted = now});
        return 0;
    }
    Kind& last = known->second;
    if (now - last.admitted < interval_) {
        ++last.suppressed;
        return std::nullopt;
    }
    last.admitted = now;
    return std::exchange(last.suppressed, 0);
}

} // namespace rouse::debug
