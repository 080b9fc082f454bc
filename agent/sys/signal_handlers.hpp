#pragma once
// Signals for programs that are ready for them: the default of most signals is death.

#include "agent/sys/result.hpp"

#include <cstddef>

#include <sys/types.h>

namespace rouse::sys {

/// Whether the process has a handler for the signal now. False for one that is gone. Source:
/// proc(5), /proc/[pid]/status, SigCgt.
bool handles_signal(pid_t pid, int number);

/// Sends the signal to the process if it handles it; whether it was sent. The pid is not yet
/// reaped, or somebody else's child: then it is looked up once and held by a pidfd, so that the
/// signal goes to nobody who does not handle it.
bool signal_handler(pid_t pid, int number);

/// The same for every process of a control group (a borrowed directory of cgroup2); how many got
/// it. Errors: those of reading cgroup.procs.
Result<std::size_t> signal_handlers(int cgroup, int number);

} // namespace rouse::sys
