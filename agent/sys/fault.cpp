#include "agent/sys/fault.hpp"

#include <array>
#include <cstring>

#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

/// More than any handler here takes: the kernel puts the registers of the fault there, too, and on
/// processors with wide vectors these are several KiB (sigaltstack(2), MINSIGSTKSZ).
constexpr std::size_t stack_size = 64 * 1024;

iovec piece(const char* text) {
    return {.iov_base = const_cast<char*>(text), .iov_len = std::strlen(text)}; // writev only reads
}

/// In a handler: nothing here takes a lock or memory (signal-safety(7)).
void say(int number, const char* end) {
    const char* const name = ::sigabbrev_np(number);
    const std::array line{piece("\nrouse: fatal signal "), piece(name == nullptr ? "?" : name),
                          piece(" in PID 1, "), piece(end), piece("\n")};
    // Not waiting: a console that takes nothing must not keep the machine from its end.
    const int console = ::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    const int fd = console < 0 ? STDERR_FILENO : console;
    const ssize_t written = ::writev(fd, line.data(), static_cast<int>(line.size()));
    (void)written; // nobody else can be told
}

/// One handler for each action, so that no variable has to hold it.
template <PowerAction action>
void end_by(int number) {
    // A child that has not executed its program yet has our handlers, and ends alone: the fault
    // comes again, and SA_RESETHAND has made it fatal.
    if (::getpid() != 1) return;
    say(number, action == PowerAction::reboot ? "rebooting" : "powering off");
    (void)end_machine(action);
    ::_exit(128 + number); // the kernel panics, which is all that is left
}

} // namespace

Result<> end_machine_on_fault(PowerAction action) {
    alignas(16) static std::array<char, stack_size> stack; // for as long as the process lives
    const stack_t place{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
    if (::sigaltstack(&place, nullptr) < 0) return last_error();
    struct sigaction handling {};
    handling.sa_handler = action == PowerAction::reboot ? end_by<PowerAction::reboot>
                                                        : end_by<PowerAction::power_off>;
    handling.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
        if (::sigaction(fault, &handling, nullptr) < 0) return last_error();
    return {};
}

} // namespace rouse::sys
