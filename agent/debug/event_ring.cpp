#include "agent/debug/event_ring.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>

namespace rouse::debug {

namespace json = boost::json;

namespace {

std::string line_of(std::uint64_t sequence, const Moment& moment, std::string_view type,
                    json::object body) {
    const json::object event{{"sequence", sequence},
                             {"time_ns", moment.wall_ns},
                             {"monotonic_us", moment.monotonic_us},
                             {"epoch", moment.epoch},
                             {"type", type},
                             {"body", std::move(body)}};
    return json::serialize(event) + "\n";
}

} // namespace

std::uint64_t EventRing::add(const Moment& moment, std::string_view type,
                             const json::object& body) {
    const std::uint64_t sequence = next_++;
    std::string line = line_of(sequence, moment, type, body);
    if (line.size() > limits_.line)
        line = line_of(sequence, moment, type, {{"cut_bytes", line.size()}});
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (lines_.size() > 1 && (lines_.size() > limits_.events || bytes_ > limits_.bytes)) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
    }
    return sequence;
}

EventRing::Read EventRing::read(std::uint64_t from, std::size_t limit) const {
    Read read{.lines = {}, .next = std::clamp<std::uint64_t>(from, 1, next_)};
    if (read.next < oldest()) {
        const json::object gap{
            {"type", "gap"}, {"from", read.next}, {"count", oldest() - read.next}};
        read.lines = json::serialize(gap) + "\n";
        read.next = oldest();
    }
    bool first = true;
    while (read.next < next_) {
        const std::string& line = lines_[static_cast<std::size_t>(read.next - oldest())];
        if (!first && read.lines.size() + line.size() > limit) break;
        read.lines += line;
        ++read.next;
        first = false;
    }
    return read;
}

} // namespace rouse::debug
