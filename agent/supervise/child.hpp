#pragma once
// One running process of ours.

#include "agent/supervise/cgroups.hpp"
#include "agent/supervise/reaper.hpp"
#include "agent/sys/result.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>

namespace rouse::supervise {

/// Owns the pid until the reaper has resolved it: no signal ever goes to a reaped pid. Movable. A
/// destroyed Child is forgotten, not killed: its exit is still reaped.
class Child {
public:
    /// Registers `pid` with the reaper, so it must be called before control returns to the loop.
    /// The pid leads a process group and session of its own.
    Child(pid_t pid, Reaper& reaper, const boost::asio::any_io_executor& executor);
    /// With the cgroup that it was born in: its status says what the out-of-memory killer did
    /// there, and the group is removed once the process was reaped and everybody else has left.
    /// Borrows `cgroups`, which outlives the process.
    Child(pid_t pid, Reaper& reaper, const boost::asio::any_io_executor& executor,
          SharedCgroup cgroup, Cgroups& cgroups);

    [[nodiscard]] pid_t pid() const;
    [[nodiscard]] bool running() const;
    /// Set once the process was reaped.
    [[nodiscard]] const std::optional<proto::ExitStatus>& status() const;

    /// SIGKILL to everything that it started: to all in its cgroup, also once it was reaped itself;
    /// without a cgroup to its process group, as long as it is not reaped. Never blocks.
    void kill();
    /// Sends to the process's group. Does nothing once the process was reaped.
    sys::Result<> signal_group(int number);
    /// Sends to the process alone. Does nothing once the process was reaped.
    sys::Result<> signal(int number);

    /// Sends to those who handle the signal: of all in its cgroup, or to the process itself where
    /// it has none. How many got it.
    std::size_t signal_handlers(int number);

    /// For sys::oom_kills(), of its cgroup. Errors: ENOENT without one, or without its memory
    /// controller.
    [[nodiscard]] sys::Result<sys::UniqueFd> memory_events() const;

    /// Waits for the exit; several may wait, and the Child may be destroyed meanwhile. Cancelled:
    /// returns an empty optional.
    boost::asio::awaitable<std::optional<proto::ExitStatus>> wait();

private:
    struct State;

    void watch(Reaper& reaper, Cgroups* cgroups);
    static boost::asio::awaitable<std::optional<proto::ExitStatus>>
    wait_for(std::shared_ptr<State> state);

    std::shared_ptr<State> state_; ///< shared with the reaper's callback, which may outlive us
};

} // namespace rouse::supervise
