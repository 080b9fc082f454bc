#pragma once
// The root file system: from the initramfs to the disk, or to a root that forgets what is written.

#include "agent/boot/report.hpp"
#include "proto/storage_config.hpp"

namespace rouse::boot {

/// Where the parts of an overlay stay mounted: what it reads from, and what it writes to.
inline constexpr const char* overlay_lower = "/run/rouse/lower";
inline constexpr const char* overlay_upper = "/run/rouse/upper";

enum class RootOutcome { stayed, switched };

struct EnteredRoot {
    Report report; ///< has a fatal step when there is no root to go on with
    RootOutcome outcome = RootOutcome::stayed;
};

/// Mounts the root that the configuration names, lays the overlay over it that it asks for, makes
/// it the root of this process and takes /dev, /proc, /sys and /run along; what was in the
/// initramfs is removed, so that its memory is free. The process goes on as it is. Without a root
/// in the configuration nothing happens. Where the kernel has mounted a root itself, only the
/// overlay is made. Needs /proc, /dev, /sys and /run; blocks until the device is there or its time
/// is over.
EnteredRoot enter_root(const proto::RootConfig& config);

} // namespace rouse::boot
