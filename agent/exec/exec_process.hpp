#pragma once
// The process of one exec session and our ends of its pipes.

#include "agent/io/async.hpp"
#include "agent/supervise/spawner.hpp"

#include <functional>
#include <optional>

namespace rouse::exec {

/// Told once per session which process came to be; 0: none.
using OnStart = std::function<void(pid_t pid)>;

/// Whether the process gets a pipe or /dev/null as stdin.
enum class Input { pipe, null };

class ExecProcess {
public:
    explicit ExecProcess(const io::Executor& executor);
    ExecProcess(const ExecProcess&) = delete;
    ExecProcess& operator=(const ExecProcess&) = delete;
    ExecProcess(ExecProcess&&) = delete;
    ExecProcess& operator=(ExecProcess&&) = delete;
    /// Kills the process group if the process still runs: whoever asked for it is gone.
    ~ExecProcess();

    /// Makes the pipes and starts the process; nothing, or why it does not run (stage "pipe" when
    /// the descriptors have run out). Call it once.
    io::Awaitable<std::optional<proto::SpawnFailure>> start(supervise::Spawner& spawner,
                                                            proto::Command command, Input input);

    /// Whether start() succeeded; only then is there a child.
    [[nodiscard]] bool started() const { return child_.has_value(); }
    [[nodiscard]] supervise::Child& child();

    io::Descriptor in; ///< our end of the stdin pipe; not open with Input::null
    io::Descriptor out;
    io::Descriptor err;

private:
    std::optional<supervise::Child> child_;
};

/// Stores how the process ended. Returns without when cancelled.
io::Awaitable<> await_exit(supervise::Child& child, std::optional<proto::ExitStatus>& status);

} // namespace rouse::exec
