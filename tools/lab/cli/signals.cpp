#include "tools/lab/cli/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace rouse::lab::cli {

SignalGuard::SignalGuard() {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&ending, number);
    sigprocmask(SIG_BLOCK, &ending, &before_);
    descriptor_.reset(signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalGuard::~SignalGuard() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int SignalGuard::take() const {
    signalfd_siginfo info{};
    if (read(descriptor_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
    return static_cast<int>(info.ssi_signo);
}

} // namespace rouse::lab::cli
