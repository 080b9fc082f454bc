#pragma once
// The end of PID 1 by a fault of its own: without a word the kernel would panic, and a VM that
// panicked may hang for ever.

#include "agent/sys/power.hpp"

namespace rouse::sys {

/// From now on a fatal signal of this process (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
/// and SIGABRT, by which an escaped exception ends) says so in one line on the console and ends the
/// machine by `action`. It runs on a stack of its own, since that of the process may be what is
/// used up. For PID 1 only; call it again to change `action`. Errors: those of sigaltstack(2),
/// sigaction(2).
Result<> end_machine_on_fault(PowerAction action);

} // namespace rouse::sys
