#pragma once
// Something that any number of coroutines wait for: a condition variable without a lock, since one
// thread runs them all. Waiting is level-checked: look, wait, look again.

#include "agent/io/async.hpp"

namespace rouse::io {

class Condition {
public:
    explicit Condition(const Executor& executor) : timer_(executor, Timer::time_point::max()) {}

    /// Returns after the next notify_all(); nothing is remembered, so the caller looks before,
    /// without a suspension in between, and again afterwards.
    Awaitable<> wait();

    void notify_all() { timer_.cancel(); }

private:
    Timer timer_;
};

} // namespace rouse::io
