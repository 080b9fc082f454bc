#include "agent/supervise/reaper.hpp"

#include "agent/sys/wait.hpp"

#include <optional>
#include <utility>

namespace rouse::supervise {

void Reaper::watch(pid_t pid, OnExit on_exit) {
    watched_[pid] = {.on_exit = std::move(on_exit), .started = std::chrono::steady_clock::now()};
}

void Reaper::reap() {
    // One call for each, since they may be thousands. Its pid can be another's by the time that it
    // is looked up, but no child's of ours: nobody here spawns in between. The call fails for
    // broken promises only, and the next SIGCHLD tries again.
    for (;;) {
        const sys::Result<std::optional<sys::Reaped>> reaped = sys::reap_next();
        if (!reaped || !*reaped) return;
        resolve((*reaped)->pid, (*reaped)->status);
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
