#include "agent/restore/mmds_trigger.hpp"

#include <utility>

namespace rouse::restore {

MmdsTrigger::MmdsTrigger(const io::Executor& executor, const proto::MmdsConfig& config)
    : client_(executor, config), timer_(executor), poll_(config.poll), pause_(config.poll) {}

io::Awaitable<> MmdsTrigger::watch(std::function<void(Signal)> tell) {
    for (;;) {
        due_ = false;
        io::Awaitable<MmdsReading> asking = client_.read();
        MmdsReading reading = co_await std::move(asking);
        take(std::move(reading), tell);
        if (due_) continue; // It may have begun before what was meant.
        timer_.expires_after(pause_);
        auto waited = co_await timer_.async_wait(io::no_throw);
        (void)waited; // It ends early by look(); a cancelled task throws at its next suspension.
    }
}

void MmdsTrigger::look() {
    due_ = true;
    pause_ = poll_;
    timer_.cancel();
}

void MmdsTrigger::take(MmdsReading reading, const std::function<void(Signal)>& tell) {
    ++readings_;
    reached_ = reading.outcome != MmdsOutcome::unreachable;
    pause_ = mmds_pause(pause_, poll_, reading.outcome);
    why_ = std::move(reading.why);
    if (reading.outcome == MmdsOutcome::nothing && !last_) last_ = "";
    if (reading.outcome != MmdsOutcome::document) return;
    std::string value = mmds_value(reading.document);
    const std::optional<std::string> before = std::exchange(last_, value);
    if (!before || *before == value) return;
    tell({.source = "mmds", .value = std::move(value), .document = std::move(reading.document)});
}

boost::json::object MmdsTrigger::status() const {
    boost::json::object status{{"source", name()},
                               {"state", readings_ == 0 || reached_ ? "watching" : "unavailable"},
                               {"value", nullptr},
                               {"version", client_.version()},
                               {"readings", readings_}};
    if (last_ && !last_->empty()) status["value"] = *last_;
    if (!why_.empty()) status["why"] = why_;
    return status;
}

} // namespace rouse::restore
