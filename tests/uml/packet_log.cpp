#include "tests/uml/packet_log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::uml {
namespace {

constexpr std::size_t most_lines = 400000;

std::string describe(const LogLine& line) {
    const PacketHeader& header = *line.header;
    const Ports ports = line.ports();
    const bool up = line.direction == Direction::from_guest;
    std::string text = fmt::format("{} {:>5} {} {:<10} {:<14}", up ? "guest>host" : "host>guest",
                                   ports.guest, up ? "->" : "<-", ports.host, name(header.op));
    if (header.length > 0) text += fmt::format(" {} bytes", header.length);
    if (header.flags > 0) text += fmt::format(" flags {}", header.flags);
    // The credit that the sender grants: its buffer, and what it has consumed.
    if (header.buffer > 0) text += fmt::format(" buffer {} / {}", header.buffer, header.forwarded);
    return text;
}

} // namespace

std::string to_text(const LogLine& line) {
    std::string text = fmt::format("{:>10.3f}  ", static_cast<double>(line.at.count()) / 1000.0);
    if (!line.header) return text + "* " + line.note;
    text += describe(line);
    if (!line.note.empty()) text += "  [" + line.note + "]";
    return text;
}

void PacketLog::packet(Direction direction, const PacketHeader& header, std::string_view note) {
    LogLine line;
    line.direction = direction;
    line.header = header;
    line.note = note;
    add(std::move(line));
}

void PacketLog::happened(std::string note) {
    LogLine line;
    line.note = std::move(note);
    add(std::move(line));
}

void PacketLog::add(LogLine line) {
    line.at = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_);
    lines_.push_back(std::move(line));
    if (lines_.size() <= most_lines) return;
    lines_.pop_front();
    ++dropped_;
}

std::vector<LogLine> PacketLog::since(std::size_t first) const {
    const std::size_t skip = first > dropped_ ? first - dropped_ : 0;
    if (skip >= lines_.size()) return {};
    return {lines_.begin() + static_cast<std::ptrdiff_t>(skip), lines_.end()};
}

std::string PacketLog::tail(std::size_t count) const {
    std::string text;
    for (const LogLine& line : since(size() - std::min(count, size())))
        text += to_text(line) + "\n";
    return text;
}

} // namespace rouse::uml
