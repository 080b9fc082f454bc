#pragma once
// Who hears that a timer of this loop fired late (sys/late.hpp): one such place for each loop.

#include "agent/io/async.hpp"
#include "agent/sys/late.hpp"

#include <cstdint>
#include <functional>

namespace rouse::io {

/// Tells the listeners of the executor's loop when `fired` is so long after `planned` that the
/// clock must have jumped. Whoever waits with a timer of its own calls it when that fires; expire()
/// and all that is built on it do. The timers of one jump fire together: what was planned before a
/// jump was noticed belongs to that one, and is not told again.
void note_expiry(const Executor& executor, sys::SteadyTime planned, sys::SteadyTime fired);

/// Hears of jumps as long as it lives; the loop outlives it.
class ClockJumpListener {
public:
    /// `on_jump` gets how late the first timer was. It is called from whatever waited: it only
    /// wakes somebody.
    ClockJumpListener(const Executor& executor,
                      std::function<void(std::chrono::milliseconds late)> on_jump);
    ClockJumpListener(const ClockJumpListener&) = delete;
    ClockJumpListener& operator=(const ClockJumpListener&) = delete;
    ClockJumpListener(ClockJumpListener&&) = delete;
    ClockJumpListener& operator=(ClockJumpListener&&) = delete;
    ~ClockJumpListener();

private:
    Executor executor_;
    std::uint64_t number_;
};

} // namespace rouse::io
