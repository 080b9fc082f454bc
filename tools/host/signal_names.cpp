#include "tools/host/signal_names.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

namespace rouse::host {
namespace {

using Named = std::pair<std::string_view, int>;

constexpr int highest = 64;
constexpr int first_real_time = 34; // as the C library counts; the kernel's 32 and 33 are its own

// The guest is Linux on the same kind of processor: the numbers are ours.
constexpr std::array names{
    Named{"HUP", SIGHUP},       Named{"INT", SIGINT},   Named{"QUIT", SIGQUIT},
    Named{"ILL", SIGILL},       Named{"TRAP", SIGTRAP}, Named{"ABRT", SIGABRT},
    Named{"IOT", SIGABRT},      Named{"BUS", SIGBUS},   Named{"FPE", SIGFPE},
    Named{"KILL", SIGKILL},     Named{"USR1", SIGUSR1}, Named{"SEGV", SIGSEGV},
    Named{"USR2", SIGUSR2},     Named{"PIPE", SIGPIPE}, Named{"ALRM", SIGALRM},
    Named{"TERM", SIGTERM},     Named{"CHLD", SIGCHLD}, Named{"CLD", SIGCHLD},
    Named{"STKFLT", 16},        Named{"CONT", SIGCONT}, Named{"STOP", SIGSTOP},
    Named{"TSTP", SIGTSTP},     Named{"TTIN", SIGTTIN}, Named{"TTOU", SIGTTOU},
    Named{"URG", SIGURG},       Named{"XCPU", SIGXCPU}, Named{"XFSZ", SIGXFSZ},
    Named{"VTALRM", SIGVTALRM}, Named{"PROF", SIGPROF}, Named{"WINCH", SIGWINCH},
    Named{"IO", SIGIO},         Named{"POLL", SIGIO},   Named{"PWR", SIGPWR},
    Named{"SYS", SIGSYS},
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
    const int base = from_low ? first_real_time : highest;
    const std::string_view rest = name.substr(5);
    if (rest.empty()) return base;
    if (rest.front() != (from_low ? '+' : '-')) return std::nullopt;
    const auto steps = to_number(rest.substr(1));
    if (!steps || *steps < 0 || *steps > highest - first_real_time) return std::nullopt;
    return from_low ? base + *steps : base - *steps;
}

} // namespace

Outcome<int> parse_signal(std::string_view text) {
    std::string name(text);
    for (char& letter : name)
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (name.starts_with("SIG")) name.erase(0, 3);
    for (const auto& [known, number] : names)
        if (name == known) return number;
    const std::optional<int> number = name.starts_with("RT") ? real_time(name) : to_number(text);
    if (number && *number >= 1 && *number <= highest) return *number;
    return Failure(fmt::format("'{}' is no signal: give TERM, SIGTERM or 15", text));
}

} // namespace rouse::host
