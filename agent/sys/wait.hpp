#pragma once
// Waiting for processes. The reaper is the only caller; nothing else in the agent may wait.

#include "agent/sys/result.hpp"
#include "proto/exit_status.hpp"

#include <optional>

#include <sys/types.h>

namespace rouse::sys {

/// The pid of a child that has exited and is not reaped yet; nothing when there is none. Does not
/// reap it, so the pid cannot be reused before reap(). Never blocks. Source: waitid(2), WNOWAIT.
Result<std::optional<pid_t>> peek_exited();

/// Reaps `pid` and says how it ended; nothing when it has not exited. `wall_us` and `oom` are left
/// for the caller, who knows when it began and in which cgroup. Never blocks. Errors: ECHILD when
/// it is not a child of ours. Source: waitid(2), "C library/kernel differences" for the usage.
Result<std::optional<proto::ExitStatus>> reap(pid_t pid);

/// The signal by which the child was stopped since this was last asked, as a shell asks; nothing
/// when it was not. Never blocks, and reaps nothing. Source: waitid(2), WSTOPPED.
std::optional<int> take_stop(pid_t pid);

/// Whether there is a child at all, running or exited. Never blocks. Source: waitid(2), ECHILD.
bool has_children();

} // namespace rouse::sys
