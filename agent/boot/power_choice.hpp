#pragma once
// Power off or reboot: which of the two makes this VMM end. The wrong one leaves it running: where
// the machine cannot power off, the kernel halts instead and the VMM waits for ever.

#include "agent/sys/power.hpp"
#include "proto/config.hpp"

#include <string>
#include <string_view>

namespace rouse::boot {

/// What the choice is made from.
struct Machine {
    std::string architecture; ///< "x86_64"
    bool user_mode = false;   ///< user-mode Linux
    std::string vendor;       ///< DMI sys_vendor; empty without DMI
    std::string facp;         ///< the ACPI table; empty without ACPI
    std::string command_line; ///< the kernel's
};

/// Looks at this machine.
Machine inspect_machine();

/// Whether the fixed ACPI description table names a register to power off with: the sleep control
/// register on reduced hardware, the PM1a control block otherwise. Firecracker's names neither.
/// Source: ACPI 6.5, 5.2.9, table 5.9.
bool can_power_off(std::string_view facp);

/// `setting` decides unless it is automatic. Other architectures and user-mode Linux power off, and
/// so does x86 where ACPI can; the rest (Firecracker) reboots, which is how those VMMs end.
sys::PowerAction choose_power_action(proto::PowerMethod setting, const Machine& machine);

} // namespace rouse::boot
