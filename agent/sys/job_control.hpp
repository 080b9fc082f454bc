#pragma once
// Who reads from the terminal, and stops as a shell makes them.

#include "agent/sys/result.hpp"

#include <optional>

#include <sys/types.h>

namespace rouse::sys {

/// Whether the descriptor is the controlling terminal of our session. Source: tcgetpgrp(3), ENOTTY.
bool is_own_terminal(int fd);

/// The process group that may read from our terminal; 0 for one that is not of our PID namespace.
/// Errors: ENOTTY.
Result<pid_t> foreground_group(int terminal);

/// Whether our process group is the one that may read from our terminal.
bool in_foreground(int terminal);

/// From now on this group of our session may read from our terminal. SIGTTOU has to be blocked, or
/// this stops who does it from the background. Async-signal-safe. Errors: ENOTTY, EPERM for a group
/// that is gone. Source: tcsetpgrp(3).
Result<> give_foreground(int terminal, pid_t group) noexcept;

/// Whether this is a signal by which a terminal, or a shell, stops a job.
bool stops_job(int number);

/// Stops this process by `number`, which is blocked, and returns when it was continued: at once
/// where the kernel discards it, as it does for PID 1 and where no shell is there that could
/// continue us (an orphaned process group). Source: setpgid(2), NOTES.
void stop_self(int number);

} // namespace rouse::sys
