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

/// The same of a workload that is asked whether it is ready, and has 3 s to be so.
inline workload::LifeOptions asking_options_of(proto::RestartPolicy policy) {
    workload::LifeOptions options = options_of(policy);
    options.asks_for_ready = true;
    options.ready_timeout = std::chrono::seconds(3);
    return options;
}

} // namespace rouse::test
