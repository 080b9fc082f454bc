#pragma once
// Waiting for processes. While the agent runs, the reaper alone takes their statuses, and
// `run_terminal` asks whether the command was stopped, which takes none; `last_processes` reaps
// once there is no reaper any more. Nothing else may wait.

#include "agent/sys/result.hpp"
#include "proto/exit_status.hpp"

#include <optional>

#include <sys/types.h>

namespace rouse::sys {

/// A child that was reaped.
struct Reaped {
    pid_t pid = 0; ///< no longer its: the next process that anybody starts may get it
    /// `wall_us` and `oom` are left for the caller, who knows when it began and in which cgroup.
    proto::ExitStatus status;
};

/// Reaps a child that has exited; nothing when there is none. Never blocks. Source: waitid(2),
/// "C library/kernel differences" for the usage.
Result<std::optional<Reaped>> reap_next();

/// The signal by which the child was stopped since this was last asked, as a shell asks; nothing
/// when it was not. Never blocks, and reaps nothing. Source: waitid(2), WSTOPPED.
std::optional<int> take_stop(pid_t pid);

/// Whether there is a child at all, running or exited. Never blocks. Source: waitid(2), ECHILD.
bool has_children();

} // namespace rouse::sys
