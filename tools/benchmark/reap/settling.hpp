#pragma once
// When a figure that grows for a while has stopped growing, and how long that took; and what the
// kernel says about a process.

#include <chrono>
#include <optional>
#include <string_view>

#include <sys/types.h>

namespace rouse::bench {

/// A value. Who looks at the figure says when, so that nothing here depends on a clock.
class Settling {
public:
    using Clock = std::chrono::steady_clock;

    /// The figure is `value` at `begin`, and is taken to be settled when nobody has seen it change
    /// for `patience`.
    Settling(Clock::time_point begin, double value, std::chrono::milliseconds patience)
        : begin_(begin), changed_(begin), patience_(patience), value_(value) {}

    /// Takes in what the figure is `now`; whether it has settled.
    bool look(Clock::time_point now, double value);

    /// From the begin to the last change that was seen, in milliseconds.
    [[nodiscard]] double took() const;

private:
    Clock::time_point begin_;
    Clock::time_point changed_;
    std::chrono::milliseconds patience_;
    double value_;
};

/// A part of /proc/PID/stat.
struct ProcessState {
    char state = '?'; ///< 'Z': a zombie, 'T': stopped, …
    pid_t parent = 0;
};

/// Nothing when `stat` is not the text of such a file. Source: proc_pid_stat(5).
[[nodiscard]] std::optional<ProcessState> parse_state(std::string_view stat);

/// Milliseconds on a processor that /proc/PID/schedstat tells; nothing when it is no such text.
/// Source: Linux, Documentation/scheduler/sched-stats.rst.
[[nodiscard]] std::optional<double> parse_processor_time(std::string_view schedstat);

} // namespace rouse::bench
