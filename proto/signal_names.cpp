#include "proto/signal_names.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <csignal>
#include <string>
#include <utility>

#include <string.h>

namespace rouse::proto {

namespace {

using NamedSignal = std::pair<std::string_view, int>;

constexpr int highest_signal = 64;
constexpr int first_real_time = 34; // as the C library counts; the kernel's 32 and 33 are its own

// The guest is Linux on the same kind of processor: the numbers are ours.
constexpr std::array signal_list{
    NamedSignal{"HUP", SIGHUP},       NamedSignal{"INT", SIGINT},   NamedSignal{"QUIT", SIGQUIT},
    NamedSignal{"ILL", SIGILL},       NamedSignal{"TRAP", SIGTRAP}, NamedSignal{"ABRT", SIGABRT},
    NamedSignal{"IOT", SIGABRT},      NamedSignal{"BUS", SIGBUS},   NamedSignal{"FPE", SIGFPE},
    NamedSignal{"KILL", SIGKILL},     NamedSignal{"USR1", SIGUSR1}, NamedSignal{"SEGV", SIGSEGV},
    NamedSignal{"USR2", SIGUSR2},     NamedSignal{"PIPE", SIGPIPE}, NamedSignal{"ALRM", SIGALRM},
    NamedSignal{"TERM", SIGTERM},     NamedSignal{"CHLD", SIGCHLD}, NamedSignal{"CLD", SIGCHLD},
    NamedSignal{"STKFLT", 16},        NamedSignal{"CONT", SIGCONT}, NamedSignal{"STOP", SIGSTOP},
    NamedSignal{"TSTP", SIGTSTP},     NamedSignal{"TTIN", SIGTTIN}, NamedSignal{"TTOU", SIGTTOU},
    NamedSignal{"URG", SIGURG},       NamedSignal{"XCPU", SIGXCPU}, NamedSignal{"XFSZ", SIGXFSZ},
    NamedSignal{"VTALRM", SIGVTALRM}, NamedSignal{"PROF", SIGPROF}, NamedSignal{"WINCH", SIGWINCH},
    NamedSignal{"IO", SIGIO},         NamedSignal{"POLL", SIGIO},   NamedSignal{"PWR", SIGPWR},
    NamedSignal{"SYS", SIGSYS},
};

std::optional<int> to_number(std::string_view text) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || last != end) return std::nullopt;
    return value;
}

/// "RTMIN", "RTMIN+3", "RTMAX-2".
std::optional<int> real_time(std::string_view name) {
    const bool from_low = name.starts_with("RTMIN");
    if (!from_low && !name.starts_with("RTMAX")) return std::nullopt;
    const int base = from_low ? first_real_time : highest_signal;
    const std::string_view rest = name.substr(5);
    if (rest.empty()) return base;
    if (rest.front() != (from_low ? '+' : '-')) return std::nullopt;
    const auto steps = to_number(rest.substr(1));
    if (!steps || *steps < 0 || *steps > highest_signal - first_real_time) return std::nullopt;
    return from_low ? base + *steps : base - *steps;
}

} // namespace

std::optional<int> signal_number(std::string_view text) {
    std::string name(text);
    for (char& letter : name)
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (const auto& [known, number] : signal_list)
        if (name == known) return number;
    const std::optional<int> number = name.starts_with("RT") ? real_time(name) : to_number(text);
    if (number && *number >= 1 && *number <= highest_signal) return *number;
    return std::nullopt;
}

std::string signal_name(int number) {
    if (const char* abbreviation = ::sigabbrev_np(number))
        return fmt::format("SIG{}", abbreviation);
    if (number == highest_signal) return "SIGRTMAX";
    if (number == first_real_time) return "SIGRTMIN";
    if (number > first_real_time && number < highest_signal)
        return fmt::format("SIGRTMIN+{}", number - first_real_time);
    return fmt::format("SIG{}", number);
}

} // namespace rouse::proto
