#pragma once
// From the initramfs to the root file system.

#include "agent/sys/result.hpp"

#include <string>

namespace rouse::sys {

enum class RootKind {
    memory, ///< an initramfs, or a tmpfs
    lasting,
};

/// What the root of this process is. Errors: those of statfs(2).
Result<RootKind> root_kind();

/// Mounts what is mounted at `from` at `to` instead, with all that is mounted below.
/// Errors: EINVAL when nothing is mounted there; ENOENT. Source: mount(2), MS_MOVE.
Result<> move_mount(const std::string& from, const std::string& to);

/// Makes the file system that is mounted at `target` the root of this process, which then works
/// in it. Errors: those of mount(2) and chroot(2); the root may then be one or the other.
Result<> make_root(const std::string& target);

} // namespace rouse::sys
