#pragma once
// What a timer means that fires late. After a restore the monotonic clock may have jumped, and
// every timer fires at once: for our peers no time has passed. Such an expiry never drops or closes
// anything; it is waited for once more.

#include <chrono>

namespace rouse::sys {

using SteadyTime = std::chrono::steady_clock::time_point;

/// An expiry that comes later than this says that the clock jumped.
inline constexpr std::chrono::milliseconds clock_jump{250};

/// Whether a timer planned for `planned` that is noticed at `fired` says so.
[[nodiscard]] constexpr bool is_jump(SteadyTime planned, SteadyTime fired) {
    // In this order nothing overflows, whatever stands for never.
    return planned < fired && planned + clock_jump < fired;
}

/// One deadline's second chance: a deadline that is late again, or in time, counts.
class SecondChance {
public:
    /// Whether the deadline planned for `planned`, noticed at `fired`, is to be waited for once
    /// more. True at most once.
    [[nodiscard]] constexpr bool take(SteadyTime planned, SteadyTime fired) {
        if (taken_ || !is_jump(planned, fired)) return false;
        taken_ = true;
        return true;
    }

private:
    bool taken_ = false;
};

} // namespace rouse::sys
