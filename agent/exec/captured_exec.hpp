#pragma once
// The plain form of exec: runs a command to its end and captures what it wrote.

#include "agent/exec/exec_process.hpp"
#include "proto/exec.hpp"

namespace rouse::exec {

/// Runs the command and returns after its exit, with every byte that was in the pipes at the exit;
/// a grandchild that holds the pipes delays nothing. At most limits::captured_output of each stream
/// is kept, the rest is read and counted. Cancelled: the process group is killed. `on_start` is
/// borrowed.
io::Awaitable<proto::ExecResult> run_captured(supervise::Spawner& spawner,
                                              proto::ExecRequest request, const OnStart& on_start);

} // namespace rouse::exec
