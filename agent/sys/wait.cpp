#include "agent/sys/wait.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

/// The system call and not the C library's function: only the call reports resource usage. __WALL
/// finds children whose end is announced by another signal than SIGCHLD as well.
Result<> wait_for(idtype_t type, pid_t pid, int options, siginfo_t& info, rusage* usage) {
    while (::syscall(SYS_waitid, type, pid, &info, options | WNOHANG | __WALL, usage) < 0)
        if (errno != EINTR) return last_error();
    return {};
}

std::uint64_t microseconds(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
}

proto::ExitStatus to_status(const siginfo_t& info, const rusage& usage) {
    proto::ExitStatus status;
    const auto value = static_cast<std::uint64_t>(info.si_status);
    if (info.si_code == CLD_EXITED)
        status.code = value & 0xff;
    else
        status.signal = value;
    status.core = info.si_code == CLD_DUMPED;
    status.user_us = microseconds(usage.ru_utime);
    status.system_us = microseconds(usage.ru_stime);
    status.max_rss_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
    return status;
}

} // namespace

Result<std::optional<Reaped>> reap_next() {
    siginfo_t info{};
    rusage usage{};
    const Result<> waited = wait_for(P_ALL, 0, WEXITED, info, &usage);
    if (!waited && waited.error() == error_from(ECHILD)) return std::nullopt;
    if (!waited) return waited.error();
    if (info.si_pid == 0) return std::nullopt;
    return Reaped{.pid = info.si_pid, .status = to_status(info, usage)};
}

std::optional<int> take_stop(pid_t pid) {
    siginfo_t info{};
    const Result<> waited = wait_for(P_PID, pid, WSTOPPED, info, nullptr);
    if (!waited || info.si_pid == 0 || info.si_code != CLD_STOPPED) return std::nullopt;
    return info.si_status;
}

bool has_children() {
    siginfo_t info{};
    const Result<> waited = wait_for(P_ALL, 0, WEXITED | WNOWAIT, info, nullptr);
    return waited || waited.error() != error_from(ECHILD);
}

} // namespace rouse::sys
