#include "agent/sys/signals.hpp"

#include "agent/sys/descriptor.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr int last_signal = 64;

/// What rt_sigaction(2) takes, on every machine whose action has a restorer; all zero is SIG_DFL.
struct KernelAction {
    unsigned long handler = 0;
    unsigned long flags = 0;
    unsigned long restorer = 0;
    std::uint64_t mask = 0;
};

} // namespace

sigset_t all_but_faults() {
    sigset_t set{};
    (void)::sigfillset(&set);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
        (void)::sigdelset(&set, fault);
    return set;
}

Result<> take_over_signals() {
    const sigset_t set = all_but_faults();
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr)) return error_from(error);
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    if (::sigaction(SIGCHLD, &action, nullptr) < 0) return last_error();
    action.sa_handler = SIG_IGN;
    if (::sigaction(SIGPIPE, &action, nullptr) < 0) return last_error();
    return {};
}

Result<UniqueFd> make_signalfd(const sigset_t& set) {
    UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return last_error();
    return fd;
}

Result<std::optional<Signal>> read_signal(int fd) {
    std::array<char, sizeof(signalfd_siginfo)> bytes{};
    const Result<Moved> moved = read_some(fd, bytes);
    if (!moved) return moved.error();
    if (moved->outcome != IoOutcome::moved) return std::nullopt;
    const auto info = std::bit_cast<signalfd_siginfo>(bytes);
    return Signal{.number = static_cast<int>(info.ssi_signo),
                  .sender = static_cast<pid_t>(info.ssi_pid)};
}

void reset_signals() noexcept {
    // The system call, since the C library refuses two numbers that it keeps to itself, and whoever
    // started us may have ignored them. The kernel refuses SIGKILL and SIGSTOP, which nobody can
    // have changed.
    constexpr std::size_t mask_bytes = 8;
    const KernelAction action{};
    for (int number = 1; number <= last_signal; ++number)
        (void)::syscall(SYS_rt_sigaction, number, &action, nullptr, mask_bytes);
    sigset_t none{};
    (void)::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace rouse::sys
