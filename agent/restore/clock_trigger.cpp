#include "agent/restore/clock_trigger.hpp"

#include "agent/io/clock_jumps.hpp"

#include <utility>

namespace rouse::restore {

ClockTrigger::ClockTrigger(io::Executor executor)
    : executor_(std::move(executor)), jumped_(executor_) {}

io::Awaitable<> ClockTrigger::watch(std::function<void(Signal)> tell) {
    const io::ClockJumpListener listener(executor_, [this](std::chrono::milliseconds late) {
        ++jumps_;
        late_ = late;
        jumped_.notify_all();
    });
    for (;;) {
        if (std::exchange(told_, jumps_) != jumps_)
            tell({.source = "clock", .value = std::to_string(jumps_), .means = Means::loss});
        io::Awaitable<> waiting = jumped_.wait();
        co_await std::move(waiting);
    }
}

boost::json::object ClockTrigger::status() const {
    return {{"source", name()},
            {"state", "watching"},
            {"value", std::to_string(jumps_)},
            {"late_ms", late_.count()}};
}

} // namespace rouse::restore
