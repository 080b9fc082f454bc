#pragma once
// A timer that fired late: perhaps a restore after which the monotonic clock has jumped, perhaps
// only a busy machine. It proves nothing; who hears of it looks for what does.

#include "agent/io/condition.hpp"
#include "agent/restore/trigger.hpp"

#include <chrono>
#include <cstdint>

namespace rouse::restore {

/// Signals how many jumps there were. Costs no wake-up of its own: it hears of the timers that
/// others wait for, by io/clock_jumps.hpp.
class ClockTrigger : public Trigger {
public:
    explicit ClockTrigger(io::Executor executor);

    [[nodiscard]] std::string_view name() const override { return "clock"; }
    io::Awaitable<> watch(std::function<void(Signal)> tell) override;
    [[nodiscard]] boost::json::object status() const override;

private:
    io::Executor executor_;
    io::Condition jumped_;
    std::uint64_t jumps_ = 0;
    std::uint64_t told_ = 0;
    std::chrono::milliseconds late_{}; ///< the newest jump's first timer
};

} // namespace rouse::restore
