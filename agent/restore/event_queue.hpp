#pragma once
// Events for the host: numbered, kept until the host acknowledges them, repeated on each new link.

#include "proto/link.hpp"

#include <deque>

namespace rouse::restore {

/// Bounded: when the host is away for long, the oldest events are dropped. The host sees the gap in
/// the numbers, and dropped() counts.
class EventQueue {
public:
    static constexpr std::size_t limit = 256;

    /// Numbers the event, keeps it, and returns its frame.
    std::string add(std::string type, boost::json::object body);
    /// Forgets every event up to `sequence`, which the host has taken.
    void acknowledge(std::uint64_t sequence);

    /// The frames of every event that is kept, oldest first.
    [[nodiscard]] std::string frames() const;
    [[nodiscard]] std::size_t size() const { return kept_.size(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    /// Number of the newest event; 0 before the first.
    [[nodiscard]] std::uint64_t newest() const { return newest_; }

private:
    struct Kept {
        std::uint64_t sequence = 0;
        std::string frame;
    };

    std::deque<Kept> kept_;
    std::uint64_t newest_ = 0;
    std::uint64_t dropped_ = 0;
};

} // namespace rouse::restore
