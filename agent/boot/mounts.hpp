#pragma once
// The file systems that every guest has.

#include "agent/boot/report.hpp"
#include "agent/sys/mount.hpp"

#include <span>

#include <sys/types.h>

namespace rouse::boot {

enum class Need {
    required,
    wanted,
    optional, ///< not every kernel has it, and few programs ask for it
};

struct MountEntry {
    sys::Mount mount;
    mode_t directory_mode = 0755; ///< of the mount point, when it has to be made
    Need need = Need::wanted;
};

struct LinkEntry {
    std::string path;
    std::string target;
};

/// In the order in which they are made: a parent before what lies in it.
std::span<const MountEntry> mount_table();
/// Links that programs expect in /dev.
std::span<const LinkEntry> link_table();

/// Mounts the table and makes the links. What is mounted already is fine (the kernel mounts /dev
/// for a root of its own, a container engine mounts all); only /proc and /dev are fatal.
Report mount_all();

} // namespace rouse::boot
