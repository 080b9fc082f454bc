#pragma once
// `GET /v1/events`: what happens in this guest, for whoever looks, from the ring of the last
// events.

#include "agent/debug/event_ring.hpp"
#include "agent/io/condition.hpp"
#include "agent/io/http.hpp"

#include <functional>

namespace rouse::debug {

/// One thread. Recording never waits for a reader: a reader has a place in the ring and no queue of
/// its own, so that one which is too slow finds a gap.
class EventService {
public:
    /// `epoch`: the current one, asked at each event.
    EventService(const io::Executor& executor, std::function<std::uint64_t()> epoch);

    /// Keeps the event and wakes the readers. Returns its number.
    std::uint64_t record(std::string_view type, const boost::json::object& body);

    /// `?since=N`: from the event after number N on, else all that are kept. `?follow=1`: goes on
    /// until the client goes away. JSON lines. 400 for a `since` that is no number, 503 when too
    /// many read already. Borrows the service.
    [[nodiscard]] io::HttpRoute route();

    /// `{"oldest", "next", "lost", "bytes", "readers"}`.
    [[nodiscard]] boost::json::object counters() const;
    /// The same, with the kept events in "events".
    [[nodiscard]] boost::json::object document() const;
    [[nodiscard]] const EventRing& ring() const { return ring_; }

private:
    io::Awaitable<io::HttpReply> answer(io::HttpRequest request);
    io::Awaitable<> send_events(std::uint64_t from, bool follow, const io::HttpSink& send);

    std::function<std::uint64_t()> epoch_;
    EventRing ring_;
    io::Condition recorded_;
    std::size_t readers_ = 0;
};

} // namespace rouse::debug
