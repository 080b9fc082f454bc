#pragma once
// Control groups, version 2. Every call here may block; see sys/blocking.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::sys {

/// Where this process's own cgroup is: below it, and nowhere else, groups may be made. The root of
/// the hierarchy for PID 1 of a VM. Errors: ENOENT when no cgroup v2 is mounted.
/// Source: cgroups(7), /proc/[pid]/cgroup.
Result<std::string> own_cgroup();

/// Makes the directory, unless it is there, and gives it the controllers that its parent can give.
/// The parent may hold processes only if it is the root; otherwise it gives none, and that is no
/// error: what is missing is told when a limit is set. Errors: EROFS, EACCES, EPERM where cgroups
/// are not ours to make. Source: cgroup-v2.rst, "Top-down Constraint", "No Internal Process".
Result<> make_cgroup_tree(const std::string& parent, const std::string& path);

/// A file of a cgroup and what is written to it.
struct CgroupSetting {
    std::string file; ///< "memory.max"
    std::string value;
};

/// A cgroup, or which file kept it from being made; empty: the directory itself.
struct MadeCgroup {
    Result<UniqueFd> directory; ///< for CLONE_INTO_CGROUP and openat(2)
    std::string file;
};

/// Makes the directory and applies the settings. After an error there is none.
/// Errors: EEXIST; ENOENT for a setting whose controller is missing; those of write(2).
MadeCgroup make_cgroup(const std::string& path, const std::vector<CgroupSetting>& settings);

/// Whether the out-of-memory killer has ended a process in it, as far as there is a memory
/// controller. Never blocks. Source: cgroup-v2.rst, memory.events.
bool cgroup_oom_killed(int directory);

/// Opens memory.events, which shows POLLPRI when what it says changes; for oom_kills().
/// Errors: ENOENT without a memory controller.
Result<UniqueFd> open_memory_events(int directory);
/// How many processes the out-of-memory killer has ended. Reads the file from its beginning.
/// Errors: ENODEV once the group is removed. Never blocks.
Result<std::uint64_t> oom_kills(int events);

/// SIGKILL to every process in it and below, also to those that are being forked and to frozen
/// ones. Before Linux 5.14, which has no cgroup.kill, they are stopped from forking by the freezer
/// and killed one by one. Errors: ENODEV once it is removed. Source: cgroup-v2.rst, cgroup.kill.
Result<> kill_cgroup(int directory);
/// The way before Linux 5.14.
Result<> kill_cgroup_members(int directory);

enum class CgroupState { gone, empty, populated };

/// `gone`, or `populated` while processes are in it. Errors: those of rmdir(2).
Result<CgroupState> remove_cgroup(const std::string& path);

/// Opens cgroup.events, which shows POLLPRI when what it says changes; for cgroup_state().
Result<UniqueFd> open_cgroup_events(int directory);
/// Reads it from its beginning: `gone` is an error here, ENODEV. Never blocks.
Result<CgroupState> cgroup_state(int events);

/// Waits until no process is left in it. Blocks; for the end of a program, when no loop runs.
void wait_until_empty(int directory, std::chrono::steady_clock::time_point end);

} // namespace rouse::sys
