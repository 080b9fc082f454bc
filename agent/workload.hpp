#pragma once
// The process of the workload, the one that the VM exists for: one run after the other, each a new
// process of the same command.

#include "agent/io/async.hpp"
#include "agent/supervise/spawner.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rouse {

class Workload {
public:
    enum class State { none, starting, running, exited, failed };

    /// `stdio` is what the workload gets as descriptors 0, 1 and 2; borrowed.
    Workload(supervise::Spawner& spawner, proto::Command command);

    /// For the runs to come.
    void set_command(proto::Command command) { command_ = std::move(command); }
    /// Adds a variable to the environment of the runs to come.
    void set_variable(const std::string& name, std::string value) {
        command_.env[name] = std::move(value);
    }

    /// Starts a run, then waits for its end. `on_started` is called once it has exec'd (or has
    /// failed to); `close_stdio` is called as soon as the child has its own copies.
    io::Awaitable<> run(supervise::Stdio stdio, std::function<void()> close_stdio,
                        std::function<void()> on_started);

    /// A run for which there could not even be what it would have been given.
    void fail(std::string stage, const sys::error_code& error);

    /// SIGTERM, or another signal, to its process group: as soon as there is one while it starts,
    /// nothing when it does not run.
    void signal(int number);

    /// The same, to the process alone or to its group.
    void pass_on(int number, bool to_group);

    /// SIGKILL to everything that the run has started; nothing when none is there.
    void kill();

    /// To those of its processes that handle the signal; how many got it.
    std::size_t signal_handlers(int number);

    /// As supervise::Child has it, of the present run.
    [[nodiscard]] sys::Result<sys::UniqueFd> memory_events() const {
        if (!child_) return sys::error_from(ENOENT);
        return child_->memory_events();
    }

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool running() const {
        return state_ == State::running || state_ == State::starting;
    }
    [[nodiscard]] pid_t pid() const;
    [[nodiscard]] const proto::Command& command() const { return command_; }
    [[nodiscard]] const std::optional<proto::ExitStatus>& exit() const { return exit_; }
    [[nodiscard]] const std::optional<proto::SpawnFailure>& failure() const { return failure_; }
    /// The exit code as a shell would see it; 126 or 127 when it could not start.
    [[nodiscard]] int shell_exit_code() const;
    /// How it ended, in words.
    [[nodiscard]] std::string describe() const;

private:
    supervise::Spawner& spawner_;
    proto::Command command_;
    State state_ = State::none;
    std::optional<supervise::Child> child_;
    struct EarlySignal {
        int number;
        bool to_group;

        friend bool operator==(const EarlySignal&, const EarlySignal&) = default;
    };
    void remember(EarlySignal early);
    std::vector<EarlySignal> early_signals_; ///< that came while it started
    std::optional<proto::ExitStatus> exit_;
    std::optional<proto::SpawnFailure> failure_;
};

std::string_view name(Workload::State state);

} // namespace rouse
