#include "tools/lab/spawn.hpp"

#include <cerrno>
#include <csignal>
#include <initializer_list>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

[[noreturn]] void report_and_exit(int report) noexcept {
    const int error = errno;
    // Nobody is left to tell when this fails.
    [[maybe_unused]] const ssize_t written = write(report, &error, sizeof error);
    _exit(127);
}

/// Masks and ignored signals survive exec; the program starts with the defaults instead.
void reset_signals() noexcept {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD})
        (void)signal(number, SIG_DFL);
}

} // namespace

void become(const SpawnPlan& plan) noexcept {
    reset_signals();
    (void)setsid(); // cannot fail: a fresh child leads no group
    // The request is lost when the parent died before it; then nobody would ever stop us.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) report_and_exit(plan.report);
    if (getppid() != plan.parent) _exit(127);
    // The report is moved above 2 by the caller, so these three cannot overwrite it.
    if (dup2(plan.input, 0) < 0 || dup2(plan.output, 1) < 0 || dup2(plan.error, 2) < 0)
        report_and_exit(plan.report);
    // The report closes itself at exec; everything else above 2 must be gone before.
    if (dup2(plan.report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0)
        report_and_exit(plan.report);
    (void)syscall(SYS_close_range, 4U, ~0U,
                  0U); // an old kernel: everything is close-on-exec anyway
    execve(plan.program, plan.argv, plan.environment);
    report_and_exit(3);
}

} // namespace rouse::lab
