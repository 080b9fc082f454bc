#pragma once
// The end of the machine.

#include "agent/sys/result.hpp"

namespace rouse::sys {

enum class PowerAction { power_off, reboot };

/// Asks the kernel, which syncs nothing. Returns only with an error; on a machine that cannot do it
/// the kernel may halt instead, and the virtual machine then stays. In a PID namespace it ends the
/// namespace. Errors: EPERM. Source: reboot(2).
Result<> end_machine(PowerAction action);

/// Ends the machine without the kernel's orderly way, for when that hangs. Errors: those of writing
/// /proc/sysrq-trigger. Source: kernel, admin-guide/sysrq.rst.
Result<> end_machine_at_once();

/// Ctrl-alt-del becomes a SIGINT to PID 1. Errors: EPERM. Source: reboot(2), RB_DISABLE_CAD.
Result<> take_over_ctrl_alt_del();

} // namespace rouse::sys
