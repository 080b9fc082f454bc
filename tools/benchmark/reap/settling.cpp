#include "tools/benchmark/reap/settling.hpp"

#include <charconv>
#include <cstdint>

namespace rouse::bench {

bool Settling::look(Clock::time_point now, double value) {
    if (value != value_) changed_ = now;
    value_ = value;
    return now - changed_ >= patience_;
}

double Settling::took() const {
    return std::chrono::duration<double, std::milli>(changed_ - begin_).count();
}

std::optional<ProcessState> parse_state(std::string_view stat) {
    // The name in front of it may contain anything, a closing parenthesis as well.
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = stat.substr(name_end + 2); // "Z 123 …"
    if (rest.size() < 3 || rest[1] != ' ') return std::nullopt;
    ProcessState process{.state = rest[0], .parent = 0};
    const auto read =
        std::from_chars(rest.data() + 2, rest.data() + rest.size(), process.parent).ec;
    return read == std::errc() ? std::optional(process) : std::nullopt;
}

std::optional<double> parse_processor_time(std::string_view schedstat) {
    constexpr double nanoseconds_a_millisecond = 1e6;
    std::uint64_t nanoseconds = 0;
    const auto read =
        std::from_chars(schedstat.data(), schedstat.data() + schedstat.size(), nanoseconds).ec;
    if (read != std::errc()) return std::nullopt;
    return static_cast<double>(nanoseconds) / nanoseconds_a_millisecond;
}

} // namespace rouse::bench
