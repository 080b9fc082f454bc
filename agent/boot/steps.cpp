#include "agent/boot/steps.hpp"

#include "agent/sys/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace rouse::boot {

namespace {

constexpr std::array<std::string_view, 4> outcome_names{"ok", "skipped", "failed", "not begun"};

using Outcome = TimedStep::Outcome;

std::string said_of(const Step& step, const std::string& whole) {
    if (step.name == whole || step.name.empty()) return step.message;
    return fmt::format("{}: {}", step.name, step.message);
}

Outcome outcome_of(const Report& report) {
    if (report.steps().empty()) return Outcome::skipped;
    const bool ok = std::all_of(report.steps().begin(), report.steps().end(),
                                [](const Step& step) { return step.ok; });
    return ok ? Outcome::ok : Outcome::failed;
}

/// What the work says, or what it threw.
Report report_of(const BootStep& step) {
    Report report;
    try {
        report = step.work();
    } catch (const std::exception& broken) {
        report.add({.name = step.name, .ok = false, .fatal = true, .message = broken.what()});
    }
    return report;
}

TimedStep carry_out(const BootStep& step) {
    TimedStep timed;
    timed.name = step.name;
    timed.start = sys::since_boot();
    timed.report = report_of(step);
    timed.duration = sys::since_boot() - timed.start;
    timed.outcome = outcome_of(timed.report);
    return timed;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool all_in(const std::vector<std::string>& wanted, const std::vector<std::string>& names) {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const std::string& name) { return contains(names, name); });
}

void check_names(const std::vector<BootStep>& steps) {
    std::vector<std::string> names;
    for (const BootStep& step : steps) {
        if (contains(names, step.name))
            throw std::logic_error(fmt::format("boot step '{}' is there twice", step.name));
        names.push_back(step.name);
    }
    for (const BootStep& step : steps)
        if (!all_in(step.after, names))
            throw std::logic_error(
                fmt::format("boot step '{}' comes after one that is not there", step.name));
}

/// Takes away, again and again, what waits for nothing: what is left then waits for itself.
void check_order(const std::vector<BootStep>& steps) {
    std::vector<std::string> done;
    for (std::size_t before = steps.size() + 1; before != done.size();) {
        before = done.size();
        for (const BootStep& step : steps)
            if (!contains(done, step.name) && all_in(step.after, done)) done.push_back(step.name);
    }
    if (done.size() < steps.size()) throw std::logic_error("boot steps wait for each other");
}

/// One run of run_steps(). All but finish() belongs to the thread that runs it.
class Running {
public:
    Running(std::vector<BootStep> steps, const StepWatch& watch)
        : steps_(std::move(steps)), threads_(steps_.size()), begun_(steps_.size()), watch_(watch) {}

    std::vector<TimedStep> run() {
        begin_what_can();
        while (!running_.empty()) {
            for (Finished& finished : wait_for_ends())
                take(std::move(finished));
            begin_what_can();
        }
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (!begun_[i]) ended_.emplace_back().name = steps_[i].name;
        return std::move(ended_);
    }

private:
    struct Finished {
        std::size_t index = 0;
        TimedStep step;
    };

    void begin_what_can() {
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if (!fatal_ && !begun_[i] && running_.size() < most_steps_at_once &&
                all_in(steps_[i].after, ended_names_))
                begin(i);
    }

    void begin(std::size_t index) {
        begun_[index] = true;
        running_.push_back(steps_[index].name);
        try {
            threads_[index] = std::thread([this, index] { finish(index); });
        } catch (const std::system_error&) {
            finish(index);
        }
    }

    /// On the step's own thread.
    void finish(std::size_t index) {
        Finished finished{.index = index, .step = carry_out(steps_[index])};
        const std::lock_guard held(mutex_);
        finished_.push_back(std::move(finished));
        changed_.notify_one();
    }

    std::vector<Finished> wait_for_ends() {
        std::unique_lock held(mutex_);
        const auto any = [this] { return !finished_.empty(); };
        while (!changed_.wait_for(held, watch_.patience, any)) {
            held.unlock(); // whoever is told may take its time
            if (watch_.slow) watch_.slow(running_);
            held.lock();
        }
        return std::exchange(finished_, {});
    }

    void take(Finished finished) {
        if (threads_[finished.index].joinable()) threads_[finished.index].join();
        std::erase(running_, finished.step.name);
        ended_names_.push_back(finished.step.name);
        if (finished.step.report.fatal() != nullptr) fatal_ = true;
        ended_.push_back(std::move(finished.step));
        if (watch_.ended) watch_.ended(ended_.back());
    }

    const std::vector<BootStep> steps_;
    std::vector<std::thread> threads_; ///< by the step's index; none for one that had no thread
    std::vector<bool> begun_;
    const StepWatch& watch_;
    std::vector<std::string> running_;
    std::vector<std::string> ended_names_;
    std::vector<TimedStep> ended_;
    bool fatal_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Finished> finished_; ///< guarded by mutex_
};

} // namespace

std::string TimedStep::detail() const {
    std::string text;
    for (const Step& step : report.steps()) {
        if (step.ok != (outcome == Outcome::ok) || step.message.empty()) continue;
        text += fmt::format("{}{}", text.empty() ? "" : "; ", said_of(step, name));
    }
    return text;
}

std::string_view name(TimedStep::Outcome outcome) {
    return outcome_names[static_cast<std::size_t>(outcome)];
}

std::vector<TimedStep> run_steps(std::vector<BootStep> steps, const StepWatch& watch) {
    check_names(steps);
    check_order(steps);
    return Running(std::move(steps), watch).run();
}

} // namespace rouse::boot
