#pragma once
// Standing still: control groups and file systems. Every call here may block; see sys/blocking.

#include "agent/sys/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace rouse::sys {

enum class Freezing { freeze, thaw };
enum class Stillness { moving, frozen };

/// Asks every process in the cgroup at `path` and below to stop, or to go on. They have stopped
/// when cgroup_stillness() says so. Errors: ENOENT before Linux 5.2, or when it is gone.
/// Source: cgroup-v2.rst, cgroup.freeze.
Result<> freeze_cgroup(const std::string& path, Freezing what);

/// Whether all in it stand still, as the descriptor of its cgroup.events says, from its beginning.
/// Never blocks.
Result<Stillness> cgroup_stillness(int events);

/// "name (pid 12, state D)" of what keeps the group at `path` from being frozen, at most `most` of
/// them: those of its processes in leaves that are not frozen which wait uninterruptibly or run.
/// Where none does, all of these leaves: they may have gone on meanwhile.
std::vector<std::string> not_frozen(const std::string& path, std::size_t most);

/// Lets no further write reach the file system that is mounted at `path`, once what was begun is on
/// its disk; or lets them go on. Errors: EOPNOTSUPP for a file system that cannot, such as tmpfs;
/// EBUSY when somebody has frozen it already; EINVAL when it is thawed and was not frozen.
/// Source: ioctl_fsfreeze, FIFREEZE and FITHAW (linux/fs.h).
Result<> freeze_filesystem(const std::string& path, Freezing what);

} // namespace rouse::sys
