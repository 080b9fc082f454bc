#pragma once
// Booting as steps: each is timed by the kernel's clock, and those that do not need each other run
// side by side. For the time before the loop exists; nothing of this runs afterwards.

#include "agent/boot/report.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace rouse::boot {

/// A piece of booting.
struct BootStep {
    std::string name; ///< "network"; what `after` of others and `rouse debug boot` call it
    /// Does it, on a thread that only this step has, and may block for as long as its own deadline
    /// says. What it throws is a broken promise of ours and fatal. Owns or outlives all it uses.
    std::function<Report()> work;
    /// The steps of the same run that must have ended before, well or not.
    std::vector<std::string> after = {};
};

/// How a step went.
struct TimedStep {
    enum class Outcome {
        ok,
        skipped, ///< it had nothing to do: its report is empty
        failed,
        not_begun, ///< another one had failed that nothing can work without
    };
    std::string name;
    std::chrono::microseconds start{0}; ///< of the kernel's clock, sys::since_boot()
    std::chrono::microseconds duration{0};
    Outcome outcome = Outcome::not_begun;
    Report report = {}; ///< what it did

    /// The failures of its report, or else what is worth knowing, in one line.
    [[nodiscard]] std::string detail() const;
};

std::string_view name(TimedStep::Outcome outcome);

/// What the thread that runs the steps is told meanwhile; either may be empty.
struct StepWatch {
    std::function<void(const TimedStep&)> ended = {};
    /// The names of the steps that run now: nothing has ended for `patience`.
    std::function<void(const std::vector<std::string>&)> slow = {};
    std::chrono::milliseconds patience = std::chrono::seconds(10);
};

/// As many steps run at once, and no more.
inline constexpr std::size_t most_steps_at_once = 4;

/// Runs all steps and returns when the last has ended, in the order of their ends. A step begins as
/// soon as those that it comes after have ended; after a fatal failure none begins any more. Where
/// no thread can be started, one step runs after the other.
/// Throws std::logic_error, before it begins any, for a name that is there twice, an `after` that
/// no step has, and steps that wait for each other.
std::vector<TimedStep> run_steps(std::vector<BootStep> steps, const StepWatch& watch = {});

} // namespace rouse::boot
