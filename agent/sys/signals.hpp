#pragma once
// Signals as descriptors. PID 1 has no handlers: everything that can wait is blocked and read.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <optional>

#include <signal.h>

namespace rouse::sys {

/// Every signal but those that report a fault of the running instruction (SIGSEGV, SIGBUS, SIGFPE,
/// SIGILL, SIGTRAP, SIGSYS, SIGABRT): blocking those would end the process without a word.
sigset_t all_but_faults();

/// Blocks all_but_faults() in this thread and in those it starts, ignores SIGPIPE (splice(2) has no
/// MSG_NOSIGNAL) and sets SIGCHLD to its default: an inherited SIG_IGN would discard exit statuses.
/// Source: sigprocmask(2); waitid(2), NOTES.
Result<> take_over_signals();

/// A non-blocking descriptor from which the blocked signals of `set` are read. Borrowing it for
/// epoll is fine; it belongs to the process that reads it. Source: signalfd(2).
Result<UniqueFd> make_signalfd(const sigset_t& set);

struct Signal {
    int number = 0;
    pid_t sender = 0; ///< 0 when the kernel sent it
};

/// Takes the next pending signal; nothing when none is pending. Equal signals coalesce.
Result<std::optional<Signal>> read_signal(int fd);

/// Undoes all of the above for a program about to be executed: default dispositions (an ignored
/// SIGPIPE survives exec), empty mask. Async-signal-safe. Source: signal-safety(7).
void reset_signals() noexcept;

} // namespace rouse::sys
