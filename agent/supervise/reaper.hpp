#pragma once
// The one place that waits for children. Everyone else is told.

#include "proto/exit_status.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <vector>

#include <sys/types.h>

namespace rouse::supervise {

/// One thread. Reaping never touches I/O and never blocks: a frozen host reader cannot delay it.
class Reaper {
public:
    /// Called once, from reap(), after the process is gone; its pid may already be reused. May call
    /// watch(), never reap(). Must not throw.
    using OnExit = std::function<void(const proto::ExitStatus&)>;

    struct Counters {
        std::uint64_t children = 0; ///< registered processes that were reaped
        std::uint64_t orphans = 0;  ///< adopted processes that were reaped
    };

    /// Registers a child. Call it before control returns to the event loop after the spawn: the
    /// reaper must know the pid before it can meet it.
    void watch(pid_t pid, OnExit on_exit);

    /// Reaps everything that has exited. Call it on SIGCHLD (signals coalesce).
    void reap();

    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] std::size_t watched() const { return watched_.size(); }

    /// A child that was not reaped yet.
    struct Running {
        pid_t pid = 0;
        std::chrono::steady_clock::time_point started;
    };
    /// All of them, by pid.
    [[nodiscard]] std::vector<Running> running() const;

private:
    struct Watched {
        OnExit on_exit;
        std::chrono::steady_clock::time_point started;
    };

    void resolve(pid_t pid, proto::ExitStatus status);

    std::map<pid_t, Watched> watched_;
    Counters counters_;
};

} // namespace rouse::supervise
