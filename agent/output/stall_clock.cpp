#include "agent/output/stall_clock.hpp"

#include "agent/sys/defence.hpp"

namespace rouse::output {

using sys::Defence;

void StallClock::begin(Clock::time_point now) {
    began_ = now;
    stalled_ = false;
    rearmed_ = false;
}

std::optional<std::chrono::milliseconds> StallClock::end(Clock::time_point now) {
    if (!stalled_) return std::nullopt;
    stalled_ = false;
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
}

StallClock::Clock::time_point StallClock::deadline() const {
    if (sys::is_off(Defence::write_deadline)) return Clock::time_point::max();
    if (!stalled_) return began_ + options_.write_timeout;
    if (sys::is_off(Defence::stall_redial)) return Clock::time_point::max();
    return began_ + options_.stall_redial;
}

StallClock::Late StallClock::late(Clock::time_point now) {
    // A VM that was stopped comes back with a clock that has jumped: the host had no time to read.
    if (!rearmed_ && now - deadline() > options_.late_timer) {
        rearmed_ = true;
        began_ = now;
        return Late::rearmed;
    }
    if (stalled_) return Late::redial;
    stalled_ = true;
    ++stalls_;
    return Late::stalled;
}

std::optional<StallClock::Clock::time_point> StallClock::stalled_since() const {
    return stalled_ ? std::optional(began_) : std::nullopt;
}

} // namespace rouse::output
