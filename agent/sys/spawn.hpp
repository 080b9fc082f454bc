#pragma once
// Starting a process. The child's side is in spawn_child.cpp.

#include "agent/sys/result.hpp"
#include "agent/sys/spawn_attributes.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace rouse::sys {

/// The steps of the child, in their order.
enum class SpawnStage : std::int32_t {
    session,
    cgroup,
    stdio,
    terminal,
    descriptors,
    oom_score,
    rlimits,
    user,
    capabilities,
    chdir,
    exec
};

/// "session", "stdio", … as it is reported to the host.
const char* name(SpawnStage stage);

/// What the process is the first of.
enum class Leads {
    session,
    group,           ///< of the caller's session
    foreground_group ///< likewise, and the one that reads from the terminal which is its `in`
};

struct Credentials {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< supplementary groups
};

/// Everything that the child needs, resolved beforehand: it can allocate nothing.
struct SpawnPlan {
    std::vector<std::string> programs; ///< paths to try in turn, as execvp(3) does with PATH
    std::vector<std::string> argv;
    std::vector<std::string> env; ///< "NAME=value"
    std::string cwd = "/";
    std::string cwd_fallback; ///< used when `cwd` cannot be entered; empty: that is a failure
    std::optional<Credentials> user; ///< none: that of the caller, which needs no privilege
    SpawnAttributes attributes;
    int in = -1; ///< borrowed; -1: /dev/null
    int out = -1;
    int err = -1;
    Leads leads = Leads::session;
    bool terminal = false; ///< `in` becomes the controlling terminal of its session
    int cgroup = -1;       ///< borrowed: a directory of a cgroup v2; -1: that of the caller
};

struct Spawned {
    pid_t pid = -1;
    UniqueFd errors; ///< non-blocking; for read_spawn_report()
};

/// Starts a process that leads a session or a group of its own, with default signals, three
/// descriptors and no other. Uses clone3 without CLONE_VM and CLONE_VFORK: a vfork child in a
/// frozen cgroup, or one that executes from a file system served through us, would block the
/// caller. Returns before the child has executed the program. The caller registers the pid before
/// it yields. Errors: EAGAIN at pids.max, ENOMEM, EMFILE. Source: clone(2).
Result<Spawned> spawn(const SpawnPlan& plan);

/// Why the child gave up. It then exits with 127.
struct SpawnError {
    SpawnStage stage = SpawnStage::exec;
    int number = 0; ///< errno
    int item = -1;  ///< rlimits: index in the plan; capabilities: the number of one, or -1
};

enum class SpawnReport { pending, executed, failed };

struct ReadSpawnReport {
    SpawnReport report = SpawnReport::pending;
    SpawnError error; ///< set when `report` is `failed`
};

/// Reads the error pipe: its end without a byte says that the program was executed, or that the
/// child was killed before it could; the exit status tells. Never blocks. Borrows `errors`.
Result<ReadSpawnReport> read_spawn_report(int errors);

} // namespace rouse::sys
