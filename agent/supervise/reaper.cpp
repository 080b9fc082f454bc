#include "agent/supervise/reaper.hpp"

#include "agent/sys/wait.hpp"

#include <optional>
#include <utility>

namespace rouse::supervise {

namespace {

/// Both calls fail for broken promises only, and the next SIGCHLD tries again.
template <typename T>
std::optional<T> value_of(const sys::Result<std::optional<T>>& result) {
    return result ? *result : std::nullopt;
}

} // namespace

void Reaper::watch(pid_t pid, OnExit on_exit) {
    watched_[pid] = {.on_exit = std::move(on_exit), .started = std::chrono::steady_clock::now()};
}

void Reaper::reap() {
    // Peek first: between the peek and the reap the pid cannot be reused.
    while (const std::optional<pid_t> pid = value_of(sys::peek_exited())) {
        const std::optional<proto::ExitStatus> status = value_of(sys::reap(*pid));
        if (!status) return;
        resolve(*pid, *status);
    }
}

void Reaper::resolve(pid_t pid, proto::ExitStatus status) {
    // Taken out before the call: what is called may spawn, and get the same pid again.
    auto found = watched_.extract(pid);
    if (found.empty()) {
        ++counters_.orphans;
        return;
    }
    ++counters_.children;
    const auto ran = std::chrono::steady_clock::now() - found.mapped().started;
    status.wall_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(ran).count());
    found.mapped().on_exit(status);
}

std::vector<Reaper::Running> Reaper::running() const {
    std::vector<Running> all;
    all.reserve(watched_.size());
    for (const auto& [pid, watched] : watched_)
        all.push_back({.pid = pid, .started = watched.started});
    return all;
}

} // namespace rouse::supervise
