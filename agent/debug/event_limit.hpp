#pragma once
// How often an event that anybody can cause is recorded, so that nobody can flush the ring with it:
// once an interval, each kind by itself. Pure: told the time by its caller.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::debug {

class EventLimit {
public:
    using Clock = std::chrono::steady_clock;

    explicit EventLimit(Clock::duration interval) : interval_(interval) {}

    /// One more has happened. Nothing: it is left out. Else how many were left out since the last
    /// of this kind that was not. The kinds are the caller's: it names a few, whatever happens.
    std::optional<std::uint64_t> admit(std::string_view kind, Clock::time_point now);

private:
    struct Kind {
        Clock::time_point admitted;
        std::uint64_t suppressed = 0; ///< since then
    };

    Clock::duration interval_;
    std::map<std::string, Kind, std::less<>> kinds_;
};

} // namespace rouse::debug
