#pragma once
// What crossed the device, in order, and what the script made of it: a failing test prints it.

#include "tests/uml/packet.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::uml {

/// One line of the log: a packet, or something that happened (then `header` is empty).
struct LogLine {
    std::chrono::microseconds at{}; ///< since the log began
    Direction direction = Direction::from_guest;
    std::optional<PacketHeader> header;
    std::string note; ///< "swallowed", "held", or what happened

    [[nodiscard]] Ports ports() const {
        return Packet{.header = *header, .payload = {}}.ports(direction);
    }
};

/// A line as a person reads it:
/// `   12.345 guest>host  903 -> 4002        RW 4096 bytes, credit 65536 / 8192`
[[nodiscard]] std::string to_text(const LogLine& line);

class PacketLog {
public:
    using Clock = std::chrono::steady_clock;

    PacketLog() : start_(Clock::now()) {}

    void packet(Direction direction, const PacketHeader& header, std::string_view note = {});
    void happened(std::string note);

    /// How many lines there were so far; an index of the next one.
    [[nodiscard]] std::size_t size() const { return dropped_ + lines_.size(); }
    /// The lines from `first` on that are still remembered.
    [[nodiscard]] std::vector<LogLine> since(std::size_t first) const;
    /// The last `count` lines as text.
    [[nodiscard]] std::string tail(std::size_t count) const;

private:
    void add(LogLine line);

    Clock::time_point start_;
    std::deque<LogLine> lines_;
    std::size_t dropped_ = 0; ///< forgotten, since a log must not grow without end
};

} // namespace rouse::uml
