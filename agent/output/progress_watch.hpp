#pragma once
// Tells whether something that should move does. Pure; one for each side of a relay. A wake-up that
// was lost leaves a side with work, with everything that the work needs, and without progress.

#include <chrono>
#include <cstdint>
#include <optional>

namespace rouse::output {

class ProgressWatch {
public:
    using Clock = std::chrono::steady_clock;

    explicit ProgressWatch(std::chrono::milliseconds patience) : patience_(patience) {}

    /// What is seen at `now`: whether the side has work and could do it, and a number that changes
    /// when it does. True when it could have worked for as long as the patience lasts and has not;
    /// then the patience starts anew.
    bool stuck(bool could_move, std::uint64_t progress, Clock::time_point now);

private:
    std::chrono::milliseconds patience_;
    std::optional<Clock::time_point> since_;
    std::uint64_t progress_ = 0;
};

} // namespace rouse::output
