#pragma once
// The last acts of the machine, when every process is gone.

#include "agent/boot/report.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/power.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace rouse::boot {

/// Mounts whose content outlives the machine, last mounted first: what has to be unmounted or made
/// read-only. File systems that live in memory or in the kernel are left alone.
std::vector<sys::Mount> persistent_mounts(const std::vector<sys::Mount>& mounted);

/// How far it has come.
struct UnmountEnd {
    Report report;
    std::string late; ///< what it is at, when it was not done in time; empty: it is done
};

/// Syncs, switches swap off, then unmounts or, where something still uses it, remounts read-only.
/// A thread of its own does it, since each of these waits as long as the disks do; one that is not
/// done by `deadline` is left to itself.
UnmountEnd unmount_within(std::chrono::milliseconds deadline);

/// Ends the machine by force when the orderly end takes too long: after `deadline` the kernel is
/// asked to end it by `action`, 5 s later it is told to reset it at once. Threads of their own
/// wait, because what hangs is the caller: in sync, in umount, or in reboot itself. There is no way
/// back. Errors: EAGAIN when no thread can be started.
sys::Result<> arm_last_resort(std::chrono::milliseconds deadline, sys::PowerAction action);

/// Ends the machine by `action`; when the kernel refuses, by the other action; when it refuses
/// both, waits for ever, since PID 1 must not return.
[[noreturn]] void end_machine(sys::PowerAction action);

} // namespace rouse::boot
