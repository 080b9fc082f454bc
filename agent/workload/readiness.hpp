#pragma once
// Finds out whether the workload is ready by looking: a port that listens, or a program that says
// so.

#include "agent/io/async.hpp"
#include "agent/supervise/spawner.hpp"
#include "proto/workload_config.hpp"

namespace rouse::workload {

/// Looks each `ready.interval` until it is ready; returns then. The first look is at once. Neither
/// a port nor a command: never returns. `command` is what the workload runs: its user, its
/// environment, its directory and its limits are those of the program that is asked. Borrows the
/// spawner. Cancelled, the program is killed.
io::Awaitable<> until_ready(supervise::Spawner& spawner, io::Executor executor,
                            proto::ReadyConfig ready, proto::Command command);

} // namespace rouse::workload
