#pragma once
// CPUs and memory that the VMM has plugged in are put to use: the kernel leaves that to us.

#include "agent/boot/report.hpp"
#include "agent/sys/uevents.hpp"
#include "proto/guest_config.hpp"

#include <string>

namespace rouse::boot {

/// Where the kernel shows what the machine is made of.
inline constexpr const char* system_devices = "/sys/devices/system";

/// Brings online what is there and offline, and tells the kernel to use memory that comes later at
/// once where it can. A step for each device; none: there was nothing to do. Blocks while the
/// kernel starts a CPU or takes over memory.
/// Source: Documentation/admin-guide/mm/memory-hotplug.rst; Documentation/core-api/cpu_hotplug.rst.
Report bring_online(const proto::HotplugConfig& hotplug,
                    const std::string& devices = system_devices);

/// The same for the device that an event speaks of; a step only when there was something to do.
Report bring_online(const sys::Uevent& event, const proto::HotplugConfig& hotplug,
                    const std::string& devices = system_devices);

/// Whether that can be so: nothing of the machine is looked at.
bool brings_cpu_or_memory(const sys::Uevent& event);

} // namespace rouse::boot
