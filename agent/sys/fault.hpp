#pragma once
// The end of PID 1 by a fault of its own: without a word the kernel would panic, and a VM that
// panicked may hang for ever.

#include "agent/sys/power.hpp"

namespace rouse::sys {

/// From now on a fatal signal of this process (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
/// SIGABRT) says so in one line on the console and ends the machine by `action`: which signal, who
/// sent it, or else the address that was used and the instruction, as an offset in the program. It
/// runs on a stack of its own, since that of the process may be what is used up. An exception that
/// nobody caught ends the machine the same way, with what it says of itself. For PID 1 only: a
/// process of another number ends as it would have. Call it again to change `action`. Errors: those
/// of sigaltstack(2), sigaction(2).
Result<> end_machine_on_fault(PowerAction action);

} // namespace rouse::sys
