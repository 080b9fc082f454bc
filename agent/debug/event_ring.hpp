#pragma once
// The last events of this agent, numbered, in bounded memory. No I/O and no clock: a ring of lines.
//
//     1 ....... oldest ................ newest
//     |-- lost --|------- kept --------|          a reader goes on from any number; what the ring
//                                                 no longer has is told as one gap

#include "proto/limits.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace rouse::debug {

/// When something happened.
struct Moment {
    std::int64_t wall_ns = 0;       ///< since 1970 UTC; jumps when the clock is set
    std::uint64_t monotonic_us = 0; ///< never goes back, also in a restored VM
    std::uint64_t epoch = 0;
};

class EventRing {
public:
    struct Limits {
        std::size_t events = proto::limits::event_ring;
        std::size_t bytes = proto::limits::event_ring_bytes;
        /// A longer line keeps its head, and of its body only the size.
        std::size_t line = 8 * 1024;
    };

    /// What read() found.
    struct Read {
        std::string lines;      ///< JSON lines, each with its newline
        std::uint64_t next = 0; ///< where to go on
    };

    EventRing() = default;
    explicit EventRing(Limits limits) : limits_(limits) {}

    /// Numbers the event and keeps it; the oldest make room.
    std::uint64_t add(const Moment& moment, std::string_view type, const boost::json::object& body);

    /// The lines of the events from number `from` on, about `limit` bytes and at least one event if
    /// there is one. Where events from `from` on are gone, a gap line comes first:
    /// `{"type": "gap", "from": n, "count": n}`.
    [[nodiscard]] Read read(std::uint64_t from, std::size_t limit) const;

    /// Number of the next event; the first has 1.
    [[nodiscard]] std::uint64_t next() const { return next_; }
    /// Number of the oldest event that is kept; next() when none is.
    [[nodiscard]] std::uint64_t oldest() const { return next_ - lines_.size(); }
    /// Events that made room for others.
    [[nodiscard]] std::uint64_t lost() const { return oldest() - 1; }
    [[nodiscard]] std::size_t size() const { return lines_.size(); }
    /// Bytes of the lines.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    Limits limits_;
    std::deque<std::string> lines_;
    std::size_t bytes_ = 0;
    std::uint64_t next_ = 1;
};

} // namespace rouse::debug
