#include "agent/sys/job_control.hpp"

#include <csignal>

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rouse::sys {

bool is_own_terminal(int fd) {
    return ::tcgetpgrp(fd) >= 0;
}

Result<pid_t> foreground_group(int terminal) {
    const pid_t group = ::tcgetpgrp(terminal);
    if (group < 0) return last_error();
    return group;
}

bool in_foreground(int terminal) {
    return ::tcgetpgrp(terminal) == ::getpgrp();
}

Result<> give_foreground(int terminal, pid_t group) noexcept {
    if (::ioctl(terminal, TIOCSPGRP, &group) < 0) return last_error();
    return {};
}

bool stops_job(int number) {
    return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

void stop_self(int number) {
    sigset_t set{};
    (void)::sigemptyset(&set);
    (void)::sigaddset(&set, number); // a job's signal is a valid one
    // To this thread: it is pending until the mask lets it through, and is taken there and then.
    (void)::raise(number);
    (void)::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    (void)::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

} // namespace rouse::sys
