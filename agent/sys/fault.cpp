#include "agent/sys/fault.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>

#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

/// Where the program's code begins and ends in memory, as the linker says it.
extern "C" const char __executable_start; // NOLINT: the linker's name
extern "C" const char etext;

namespace rouse::sys {

namespace {

/// More than any handler here takes: the kernel puts the registers of the fault there, too, and on
/// processors with wide vectors these are several KiB (sigaltstack(2), MINSIGSTKSZ).
constexpr std::size_t stack_size = 64 * 1024;

/// A line in the making, in a handler: nothing here takes a lock or memory (signal-safety(7)). What
/// does not fit is cut.
class LastLine {
public:
    LastLine& add(std::string_view text) noexcept {
        for (const char character : text)
            if (length_ + 1 < text_.size()) // the end of the line always fits
                text_[length_++] = character >= ' ' ? character : ' '; // NOLINT: checked above
        return *this;
    }

    LastLine& add_number(std::uintptr_t value, unsigned base) noexcept {
        constexpr std::string_view digits = "0123456789abcdef";
        std::array<char, 3 * sizeof value> text{};
        std::size_t at = text.size();
        do {
            text[--at] = digits[value % base]; // NOLINT: 24 digits hold 64 bits
            value /= base;
        } while (value != 0);
        return add({text.data() + at, text.size() - at});
    }

    /// Not waiting: a console that takes nothing must not keep the machine from its end.
    void write_out() noexcept {
        text_[length_++] = '\n'; // NOLINT: add() leaves room for it
        const int console = ::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (console < 0 && write_record()) return;
        const int fd = console < 0 ? STDERR_FILENO : console;
        // Whatever the console shows was perhaps in the middle of a line.
        const bool begun = ::write(fd, "\n", 1) == 1 &&
                           ::write(fd, text_.data() + level.size(), length_ - level.size()) > 0;
        (void)begun; // nobody else can be told
    }

private:
    /// Into the kernel's log, whose consoles show an error even when they are to be quiet.
    bool write_record() noexcept {
        const int log = ::open("/dev/kmsg", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        return log >= 0 && ::write(log, text_.data(), length_) > 0;
    }

    static constexpr std::string_view level = "<3>"; ///< of the record, before the line
    std::array<char, 512> text_{'<', '3', '>'};
    std::size_t length_ = level.size();
};

std::uintptr_t instruction(const void* context) noexcept {
    const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return machine.pc;
#else
    (void)machine;
    return 0;
#endif
}

/// An offset in the program where it is one, since the kernel loads it anywhere: what addr2line
/// takes.
void add_place(LastLine& line, std::uintptr_t address) noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(&__executable_start);
    const bool is_ours = address >= begin && address < reinterpret_cast<std::uintptr_t>(&etext);
    line.add(is_ours ? "rouse+0x" : "0x").add_number(is_ours ? address - begin : address, 16);
}

void add_cause(LastLine& line, int number, const siginfo_t& info, const void* context) noexcept {
    const bool was_sent = info.si_code <= 0;
    if (was_sent && info.si_pid != ::getpid())
        line.add(", sent by process ").add_number(static_cast<std::uintptr_t>(info.si_pid), 10);
    if (was_sent || number == SIGABRT) return;
    line.add(", address 0x").add_number(reinterpret_cast<std::uintptr_t>(info.si_addr), 16);
    line.add(", instruction ");
    add_place(line, instruction(context));
}

constexpr std::string_view name(PowerAction action) {
    return action == PowerAction::reboot ? ", rebooting" : ", powering off";
}

/// One handler for each action, so that no variable has to hold it.
template <PowerAction action>
void end_by(int number, siginfo_t* info, void* context) {
    // A child that has not executed its program yet has our handlers, and ends alone: the fault
    // comes again, and SA_RESETHAND has made it fatal.
    if (::getpid() != 1) return;
    const char* const signal = ::sigabbrev_np(number);
    LastLine line;
    line.add("rouse: fatal signal ").add(signal == nullptr ? "?" : signal).add(" in PID 1");
    add_cause(line, number, *info, context);
    line.add(name(action)).write_out();
    (void)end_machine(action);
    ::_exit(128 + number); // the kernel panics, which is all that is left
}

void add_exception(LastLine& line) noexcept {
    try {
        if (const std::exception_ptr escaped = std::current_exception())
            std::rethrow_exception(escaped);
        line.add("std::terminate() called");
    } catch (const std::exception& escaped) {
        line.add("escaped exception: ").add(escaped.what());
    } catch (...) {
        line.add("escaped exception of a type of its own");
    }
}

template <PowerAction action>
[[noreturn]] void end_by_exception() noexcept {
    if (::getpid() != 1) std::abort();
    LastLine line;
    line.add("rouse: ");
    add_exception(line);
    line.add(" in PID 1").add(name(action)).write_out();
    (void)end_machine(action);
    ::_exit(128 + SIGABRT); // as above
}

template <PowerAction action>
Result<> take_over_faults() {
    std::set_terminate(&end_by_exception<action>);
    struct sigaction handling {};
    handling.sa_sigaction = &end_by<action>;
    handling.sa_flags = SA_ONSTACK | SA_SIGINFO | static_cast<int>(SA_RESETHAND);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
        if (::sigaction(fault, &handling, nullptr) < 0) return last_error();
    return {};
}

} // namespace

Result<> end_machine_on_fault(PowerAction action) {
    alignas(16) static std::array<char, stack_size> stack; // for as long as the process lives
    const stack_t place{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
    if (::sigaltstack(&place, nullptr) < 0) return last_error();
    return action == PowerAction::reboot ? take_over_faults<PowerAction::reboot>()
                                         : take_over_faults<PowerAction::power_off>();
}

} // namespace rouse::sys
