#pragma once
// The clock of a shutdown: what each stage may take, and the line about one that took longer.

#include "proto/shutdown_config.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace rouse::boot {

class ShutdownStages {
public:
    using Clock = std::chrono::steady_clock;

    /// The shutdown began at `began`.
    ShutdownStages(proto::ShutdownDeadlines deadlines, Clock::time_point began)
        : deadlines_(deadlines), end_(began + deadlines.total) {}

    /// What a stage that begins now may take: its own deadline, or what is left of the whole's.
    [[nodiscard]] std::chrono::milliseconds budget(proto::ShutdownStage stage,
                                                   Clock::time_point now) const;

private:
    proto::ShutdownDeadlines deadlines_;
    Clock::time_point end_;
};

/// "shutdown: the stage 'workload' is not done after 12000 ms, still there: 123 (sleep)". Without
/// `left`, nothing is known of what keeps it.
std::string describe_overrun(proto::ShutdownStage stage, std::chrono::milliseconds deadline,
                             std::string_view left);

} // namespace rouse::boot
