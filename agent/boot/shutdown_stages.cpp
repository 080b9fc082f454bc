#include "agent/boot/shutdown_stages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::boot {

using std::chrono::milliseconds;

milliseconds ShutdownStages::budget(proto::ShutdownStage stage, Clock::time_point now) const {
    const auto left = std::chrono::duration_cast<milliseconds>(end_ - now);
    return std::clamp(left, milliseconds(0), deadlines_.of(stage));
}

std::string describe_overrun(proto::ShutdownStage stage, milliseconds deadline,
                             std::string_view left) {
    return fmt::format("shutdown: the stage '{}' is not done after {} ms{}{}", proto::name(stage),
                       deadline.count(), left.empty() ? "" : ", still there: ", left);
}

} // namespace rouse::boot
