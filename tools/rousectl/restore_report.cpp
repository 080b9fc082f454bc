#include "tools/rousectl/restore_report.hpp"

#include <fmt/format.h>

namespace rouse::ctl {
namespace {

std::string milliseconds_text(std::uint64_t microseconds) {
    return fmt::format("{}.{:03} ms", microseconds / 1000, microseconds % 1000);
}

} // namespace

std::string restore_table(const proto::RestoreReport& report) {
    std::string text =
        fmt::format("{} {} (trigger {}, exec {}) in {}\ngeneration {}, epoch {}\n", report.kind,
                    report.state, report.trigger, report.exec, milliseconds_text(report.total_us),
                    report.generation, report.epoch);
    if (report.parent_generation) text += fmt::format("parent     {}\n", *report.parent_generation);
    for (const proto::RestoreStep& step : report.steps)
        text += fmt::format("  {:<12} {:<9} {:>14}  {}\n", step.name, step.outcome,
                            milliseconds_text(step.duration_us), step.detail);
    return text;
}

} // namespace rouse::ctl
