#pragma once
// One file system of the configuration, found, mounted where it is wanted, or explained.

#include "agent/boot/report.hpp"
#include "agent/sys/mount.hpp"

#include <chrono>
#include <string>

namespace rouse::boot {

enum class Access { read_write, read_only };

/// What to mount, in the words of the configuration (proto/storage_config.hpp).
struct Filesystem {
    std::string source = {};
    std::string target = {};
    std::string type = {};
    std::string options = {};
    Access access = Access::read_write;
    std::chrono::milliseconds wait{0};
};

/// What mount(2) is told: options split into flags and data, the defaults of 9p added. `device` and
/// `type` are what was found.
sys::Mount mount_call(const Filesystem& wanted, const std::string& device, const std::string& type);

/// Waits for the device, asks it for its type where none is given, makes the mount point, loads the
/// modules of a file system that the kernel does not know yet, and mounts. A device that cannot be
/// written to is mounted read-only, and the step says so. The step is named `name`. Blocks.
Step mount_filesystem(const Filesystem& wanted, const std::string& name);

} // namespace rouse::boot
