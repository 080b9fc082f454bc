#include "agent/last_processes.hpp"

#include "agent/sys/wait.hpp"

#include <csignal>
#include <ctime>

namespace rouse {

namespace {

using Clock = std::chrono::steady_clock;

/// Reaps everything that has exited; says whether there are children left.
bool reap_exited() {
    for (;;) {
        // The exit status of a straggler interests nobody.
        const sys::Result<std::optional<sys::Reaped>> reaped = sys::reap_next();
        if (!reaped || !*reaped) return sys::has_children();
    }
}

/// Waits for SIGCHLD, at most until `deadline`.
void wait_for_child(Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Clock::now());
    if (left.count() <= 0) return;
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    const timespec patience{.tv_sec = left.count() / 1'000'000'000,
                            .tv_nsec = left.count() % 1'000'000'000};
    // The signal or the deadline: the caller looks at the children either way.
    (void)::sigtimedwait(&set, nullptr, &patience);
}

bool gone_by(Clock::time_point deadline) {
    while (reap_exited()) {
        if (Clock::now() >= deadline) return false;
        wait_for_child(deadline);
    }
    return true;
}

} // namespace

bool end_all_processes(std::chrono::milliseconds grace) {
    // An error of kill(2) means that there is nobody to signal.
    (void)::kill(-1, SIGTERM);
    (void)::kill(-1, SIGCONT); // a stopped process cannot act on SIGTERM
    if (gone_by(Clock::now() + grace)) return true;
    (void)::kill(-1, SIGKILL);
    return gone_by(Clock::now() + std::chrono::seconds(2));
}

} // namespace rouse
