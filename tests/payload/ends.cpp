#include "tests/payload/verbs.hpp"

#include <cstdio>

#include <signal.h>
#include <unistd.h>

namespace rouse::payload {

int end_with(Words words) {
    return words.size() == 1 ? static_cast<int>(number(words[0])) : unable;
}

int kill_self(Words words) {
    if (words.size() != 1) return unable;
    const int signal_number = static_cast<int>(number(words[0]));
    (void)signal(signal_number, SIG_DFL); // SIGKILL has no disposition to set
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, nullptr); // cannot fail with these arguments
    (void)kill(getpid(), signal_number);            // where it does nothing, we say so below
    return wrong;
}

int say(Words words) {
    if (words.size() != 3) return unable;
    if (write(STDOUT_FILENO, words[0].data(), words[0].size()) < 0) return failed("stdout");
    if (write(STDERR_FILENO, words[1].data(), words[1].size()) < 0) return failed("stderr");
    return static_cast<int>(number(words[2]));
}

int tell_signals(Words words) {
    if (!words.empty()) return unable;
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, nullptr); // cannot fail with these arguments
    std::puts("listening");
    for (;;) {
        (void)std::fflush(stdout); // a reader that is gone ends us by SIGTERM anyway
        const int signal_number = sigwaitinfo(&all, nullptr);
        std::printf("%d\n", signal_number);
        if (signal_number == SIGTERM) return std::fflush(stdout);
    }
}

int after_usr1(Words words) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &wanted, nullptr); // cannot fail with these arguments
    std::puts("waiting");
    (void)std::fflush(stdout); // as in tell_signals
    if (sigwaitinfo(&wanted, nullptr) < 0) return failed("sigwaitinfo");
    return perform(words);
}

} // namespace rouse::payload
