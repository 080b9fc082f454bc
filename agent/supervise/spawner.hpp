#pragma once
// Starts processes: the workload and every exec.

#include "agent/supervise/child.hpp"
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
};

/// The failure comes first: it can be made without arguments, as a coroutine's result must be.
using StartResult = std::variant<proto::SpawnFailure, Child>;

class Spawner {
public:
    Spawner(Reaper& reaper, boost::asio::any_io_executor executor);

    /// Resolves the command (command_plan.hpp), starts the process by clone3 without VM or VFORK,
    /// and waits, without blocking the loop, until it has exec'd or failed (the error pipe closes,
    /// or says {stage, errno}), at most 10 s. A failure is complete: what had begun is killed and
    /// reaped. Stages: "request" (EINVAL), "user", "fork", those of sys::SpawnStage. Cancelled: a
    /// failure, or operation_aborted thrown as by any other awaited operation.
    boost::asio::awaitable<StartResult> start(proto::Command command, Stdio stdio);

private:
    Reaper& reaper_;
    boost::asio::any_io_executor executor_;
};

} // namespace rouse::supervise
