#include "agent/workload/life.hpp"

#include "agent/sys/late.hpp"

#include <algorithm>
#include <array>

namespace rouse::workload {

std::string_view name(Phase phase) {
    constexpr std::array<std::string_view, 7> names = {"idle",    "starting", "running", "stopping",
                                                       "waiting", "held",     "over"};
    return names.at(static_cast<std::size_t>(phase));
}

Orders Life::begin() {
    if (phase_ != Phase::idle) return {}; // an end was faster
    return {begin_run()};
}

Order Life::begin_run() {
    phase_ = Phase::starting;
    ready_ = late_ = said_early_ = false;
    extended_.reset();
    ++runs_;
    return Order::start;
}

Orders Life::started(Time now) {
    phase_ = Phase::running;
    run_began_ = now;
    if (terminate_wanted_) return end_run(now);
    if (!options_.asks_for_ready || said_early_) return ready();
    if (options_.ready_timeout.count() > 0)
        ready_end_ = std::max(now + options_.ready_timeout, extended_.value_or(now));
    return {};
}

Orders Life::ready() {
    // Its word may be here before the news that it has exec'd.
    said_early_ = said_early_ || phase_ == Phase::starting;
    if (phase_ != Phase::running || ready_) return {};
    ready_ = true;
    ready_end_.reset();
    return {Order::announce};
}

void Life::extend_ready(Time until) {
    if (phase_ == Phase::starting) extended_ = until;
    if (ready_end_) ready_end_ = std::max(*ready_end_, until);
}

/// The run is told to end, now or as soon as there is somebody to tell.
Orders Life::end_run(Time now) {
    terminate_wanted_ = phase_ == Phase::starting;
    if (phase_ != Phase::running) return {};
    phase_ = Phase::stopping;
    ready_end_.reset();
    kill_end_ = now + options_.stop_grace;
    return {Order::terminate};
}

Orders Life::ended(Time now, bool success) {
    const bool failed = !success || late_;
    // A run that could not even be started has been healthy for no time at all.
    const bool was_there = phase_ != Phase::starting;
    if (was_there && now - run_began_ >= options_.restart.healthy) reset_back_off();
    ready_end_.reset();
    kill_end_.reset();
    terminate_wanted_ = false;
    switch (wish_) {
    case Wish::end:
        return over();
    case Wish::hold:
        phase_ = Phase::held;
        return {Order::hold};
    case Wish::restart:
        wish_ = Wish::none;
        return {begin_run()};
    case Wish::none:
        break;
    }
    const proto::RestartPolicy policy = options_.restart.policy;
    const bool again = policy == proto::RestartPolicy::always ||
                       (policy == proto::RestartPolicy::on_failure && failed);
    return again ? run_again(now) : over();
}

Orders Life::run_again(Time now) {
    if (!is_within_limit(now)) {
        gave_up_ = true;
        return over();
    }
    pause_ = delay_;
    delay_ = std::min(2 * delay_, options_.restart.delay_max);
    pause_end_ = now + pause_;
    phase_ = Phase::waiting;
    return {Order::pause};
}

bool Life::is_within_limit(Time now) {
    if (options_.restart.max == 0) return true;
    while (!restarts_.empty() && now - restarts_.front() >= options_.restart.window)
        restarts_.pop_front();
    if (restarts_.size() >= options_.restart.max) return false;
    restarts_.push_back(now);
    return true;
}

void Life::reset_back_off() {
    delay_ = options_.restart.delay;
}

Orders Life::over() {
    phase_ = Phase::over;
    pause_end_.reset();
    return {Order::finish};
}

Orders Life::stop(Time now) {
    return ask(Wish::hold, now);
}

Orders Life::restart(Time now) {
    // Whoever asks has a reason to think that it works now.
    reset_back_off();
    restarts_.clear();
    return ask(Wish::restart, now);
}

Orders Life::end(Time now) {
    return ask(Wish::end, now);
}

Orders Life::ask(Wish wish, Time now) {
    if (phase_ == Phase::over || (wish_ == Wish::end && wish != Wish::end)) return {};
    if (phase_ == Phase::idle) return not_begun(wish);
    wish_ = wish;
    if (has_process()) return end_run(now);
    pause_end_.reset();
    if (wish == Wish::end) return over();
    if (wish == Wish::restart) {
        wish_ = Wish::none;
        return {begin_run()};
    }
    const bool was_held = phase_ == Phase::held;
    phase_ = Phase::held;
    return was_held ? Orders{} : Orders{Order::hold};
}

/// What has not begun cannot be stopped, and its end is nothing to tell of.
Orders Life::not_begun(Wish wish) {
    if (wish == Wish::end) phase_ = Phase::over;
    return {};
}

Orders Life::let_end() {
    if (phase_ == Phase::over) return {};
    if (phase_ == Phase::idle) return not_begun(Wish::end);
    wish_ = Wish::end;
    return has_process() ? Orders{} : over();
}

Orders Life::due(Time now) {
    const auto has_passed = [now](std::optional<Time>& end) {
        if (!end || *end > now) return false;
        end.reset();
        return true;
    };
    if (has_passed(kill_end_)) return {Order::kill};
    if (has_passed(ready_end_)) {
        late_ = true;
        return end_run(now);
    }
    if (has_passed(pause_end_)) return {begin_run()};
    return {};
}

std::optional<Time> Life::next_due() const {
    std::optional<Time> next;
    for (const std::optional<Time>& end : {ready_end_, kill_end_, pause_end_})
        if (end && (!next || *end < *next)) next = end;
    return next;
}

void Life::waited(Time due, Time wait_began, Time now) {
    if (!sys::is_jump(due, now) || second_ == due) return;
    const Time::duration by = now - wait_began;
    second_ = due + by;
    for (std::optional<Time>* const end : {&ready_end_, &kill_end_, &pause_end_})
        if (*end) **end += by;
}

bool Life::may_run_again() const {
    if (phase_ == Phase::over || wish_ == Wish::end) return false;
    return wish_ != Wish::none || phase_ == Phase::waiting || phase_ == Phase::held ||
           options_.restart.policy != proto::RestartPolicy::no;
}

} // namespace rouse::workload
