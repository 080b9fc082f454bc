#pragma once
// The process of one exec session and our ends of its pipes.

#include "agent/io/async.hpp"
#include "agent/supervise/spawner.hpp"
#include "agent/sys/terminal.hpp"

#include <array>
#include <functional>
#include <optional>

namespace rouse::exec {

/// Told once per session which process came to be; 0: none.
using OnStart = std::function<void(pid_t pid)>;

/// Whether the process gets a pipe or /dev/null as stdin, where it has no terminal.
enum class Input { pipe, null };

class ExecProcess {
public:
    explicit ExecProcess(const io::Executor& executor);
    ExecProcess(const ExecProcess&) = delete;
    ExecProcess& operator=(const ExecProcess&) = delete;
    ExecProcess(ExecProcess&&) = delete;
    ExecProcess& operator=(ExecProcess&&) = delete;
    /// Kills the process and all that it started if it still runs: whoever asked for it is gone.
    ~ExecProcess();

    /// Makes the pipes, or a terminal of `size`, and starts the process; nothing, or why it does
    /// not run (stage "pipe" or "terminal" when the descriptors have run out). `group`: name of its
    /// cgroup. Call it once.
    io::Awaitable<std::optional<proto::SpawnFailure>> start(supervise::Spawner& spawner,
                                                            proto::Command command,
                                                            std::string group, Input input,
                                                            std::optional<sys::TerminalSize> size);

    /// Whether start() succeeded; only then is there a child.
    [[nodiscard]] bool started() const { return child_.has_value(); }
    [[nodiscard]] supervise::Child& child();

    /// Where its stdin is written to; not open with Input::null and after close_input().
    [[nodiscard]] io::Descriptor& input() { return terminal_ ? out : in_; }
    /// Its stdin is at its end. A terminal has none: its user types one.
    void close_input();
    /// Errors: ENOTTY without a terminal.
    sys::Result<> resize(sys::TerminalSize size);

    io::Descriptor out; ///< our end of the stdout pipe, or of the terminal
    io::Descriptor err; ///< not open with a terminal

private:
    sys::Result<supervise::Stdio> make_pipes(Input input);
    sys::Result<supervise::Stdio> make_terminal(sys::TerminalSize size);
    sys::Result<> give_to(const std::string& user, const supervise::Stdio& stdio);
    io::error_code adopt(io::Descriptor& descriptor, sys::UniqueFd fd);

    io::Descriptor in_; ///< our end of the stdin pipe
    bool terminal_ = false;
    std::array<sys::UniqueFd, 3> given_; ///< the child's ends, until it has them
    std::optional<supervise::Child> child_;
};

/// Stores how the process ended. Returns without when cancelled.
io::Awaitable<> await_exit(supervise::Child& child, std::optional<proto::ExitStatus>& status);

} // namespace rouse::exec
