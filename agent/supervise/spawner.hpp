#pragma once
// Starts processes: the workload and every exec.

#include "agent/supervise/cgroups.hpp"
#include "agent/supervise/child.hpp"
#include "agent/sys/spawn.hpp"
#include "proto/exec.hpp"

#include <variant>

namespace rouse::supervise {

/// What the child gets as descriptors 0, 1 and 2; one may stand for several. Borrowed until start()
/// completes; then the caller closes its copies, or it never sees the end of the child's output.
struct Stdio {
    int in = -1; ///< -1: /dev/null
    int out = -1;
    int err = -1;
    bool terminal = false; ///< `in` is the slave of a terminal and becomes the controlling one
    sys::Leads leads = sys::Leads::session;
};

/// The failure comes first: it can be made without arguments, as a coroutine's result must be.
using StartResult = std::variant<proto::SpawnFailure, Child>;

class Spawner {
public:
    /// Borrows both. Without `cgroups` no process gets a group of its own.
    Spawner(Reaper& reaper, boost::asio::any_io_executor executor, Cgroups* cgroups = nullptr);

    /// Resolves the command (command_plan.hpp), starts the process by clone3 without VM or VFORK,
    /// and waits, without blocking the loop, until it has exec'd or failed (the error pipe closes,
    /// or says {stage, errno}), at most 10 s. A failure is complete: what had begun is killed and
    /// reaped. Stages: "request" (EINVAL), "user", "groups", "cgroup", "fork", those of
    /// sys::SpawnStage. Cancelled: a failure, or operation_aborted thrown as by any other awaited
    /// operation. With a `session`, which names it, the process gets a cgroup; without, limits of a
    /// cgroup are a failure.
    boost::asio::awaitable<StartResult> start(proto::Command command, Stdio stdio,
                                              std::string session = {}, Tree tree = Tree::payload);

    /// Processes that have been asked for and have neither executed their program nor failed yet.
    [[nodiscard]] std::size_t starting() const { return starting_; }

private:
    /// A process that has not said yet whether it executes its program.
    struct Begun {
        Child child;
        sys::UniqueFd errors;
    };
    sys::Result<Begun> begin(sys::SpawnPlan plan, SharedCgroup cgroup);

    Reaper& reaper_;
    boost::asio::any_io_executor executor_;
    Cgroups* cgroups_;
    std::size_t starting_ = 0;
};

} // namespace rouse::supervise
