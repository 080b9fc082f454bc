#pragma once
// Wakes a coroutine that found nothing to do. Waiting is level-checked: look, wait, look again. One
// waiter at a time.

#include "agent/io/async.hpp"

namespace rouse::output {

class Wake {
public:
    explicit Wake(const io::Executor& executor) : timer_(executor, io::Timer::time_point::max()) {}

    /// Returns after the next notify(); nothing is remembered, so the condition is looked at
    /// before, without a suspension in between, and again afterwards.
    io::Awaitable<> wait() { return wait_until(io::Timer::time_point::max()); }
    /// As wait(), or at `deadline`.
    io::Awaitable<> wait_until(io::Timer::time_point deadline);

    void notify() { timer_.cancel(); }

private:
    io::Timer timer_;
};

} // namespace rouse::output
