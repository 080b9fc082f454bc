#pragma once
// What the tests of the workload's life have in common.

#include "agent/workload/life.hpp"

namespace rouse::test {

/// Pauses of 100 to 800 ms, without a limit of restarts; a grace of 5 s.
inline workload::LifeOptions options_of(proto::RestartPolicy policy) {
    using namespace std::chrono_literals;
    workload::LifeOptions options;
    options.restart = {.policy = policy,
                       .delay = 100ms,
                       .delay_max = 800ms,
                       .healthy = 10s,
                       .max = 0,
                       .window = 60s};
    options.stop_grace = 5s;
    return options;
}

} // namespace rouse::test
