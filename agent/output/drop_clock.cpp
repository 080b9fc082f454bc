#include "agent/output/drop_clock.hpp"

#include "agent/sys/defence.hpp"

namespace rouse::output {

void DropClock::full(Clock::time_point now, std::size_t held) {
    if (full_since_) return;
    full_since_ = now;
    full_with_ = held;
    rearmed_ = false;
}

void DropClock::released(std::size_t held, bool may_stop) {
    trusted_ = true;
    full_since_.reset();
    // Half of what was held, not of the retention: small writes fill the slots of a pipe with far
    // fewer bytes.
    if (dropping_ && may_stop && held <= full_with_ / 2) dropping_ = false;
}

void DropClock::welcomed() {
    if (trusted_) {
        dropping_ = false;
        full_since_.reset();
    }
    trusted_ = false;
}

std::optional<DropClock::Clock::time_point> DropClock::deadline() const {
    if (!full_since_ || dropping_ || options_.policy == DropPolicy::block) return std::nullopt;
    if (sys::is_off(sys::Defence::write_deadline)) return std::nullopt;
    return *full_since_ + options_.write_timeout;
}

bool DropClock::late(Clock::time_point now) {
    const std::optional<Clock::time_point> due = deadline();
    if (!due || now < *due) return false;
    // A VM that was stopped comes back with a clock that has jumped: the host had no time to read.
    if (!rearmed_ && now - *due > options_.late_timer) {
        rearmed_ = true;
        full_since_ = now;
        return false;
    }
    dropping_ = true;
    return true;
}

} // namespace rouse::output
