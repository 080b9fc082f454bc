#include "agent/sys/signals.hpp"

#include "agent/sys/descriptor.hpp"

#include <array>
#include <bit>

#include <sys/signalfd.h>

namespace rouse::sys {

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
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    // The C library keeps two numbers to itself and refuses them, as the kernel refuses SIGKILL and
    // SIGSTOP; none of these can have been changed.
    for (int number = 1; number < NSIG; ++number)
        (void)::sigaction(number, &action, nullptr);
    sigset_t none{};
    (void)::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace rouse::sys
