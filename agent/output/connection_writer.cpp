// The sending half of a connection: one frame at a time, every EAGAIN followed by exactly one wait
// under the frame's absolute deadline. How the bytes leave is in connection_send.cpp.

#include "agent/io/clock_jumps.hpp"
#include "agent/io/race.hpp"
#include "agent/output/connection.hpp"
#include "agent/sys/defence.hpp"
#include "proto/exec_stream.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <poll.h>

namespace rouse::output {

namespace json = boost::json;

using io::Awaitable;
using proto::FrameType;

namespace {

/// What the defence "independent-writers" keeps from happening: everybody waits for this socket.
/// Only test builds come here.
void make_all_wait(int socket, StallClock::Clock::time_point deadline) {
    const bool forever = deadline == StallClock::Clock::time_point::max();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - StallClock::Clock::now());
    pollfd writer{.fd = socket, .events = POLLOUT, .revents = 0};
    (void)::poll(&writer, 1, forever ? -1 : static_cast<int>(left.count())); // looked at below
}

} // namespace

Awaitable<> Connection::write_frames(OutputIdentity identity) {
    Awaitable<bool> greeting = write_control(hello(identity));
    if (!co_await std::move(greeting)) co_return;
    Awaitable<bool> welcome = await_welcome();
    if (!co_await std::move(welcome)) co_return;
    while (socket_.is_open()) {
        if (farewell_) {
            Awaitable<bool> saying = write_control(*farewell_);
            (void)co_await std::move(saying); // It is over either way.
            co_return;
        }
        Awaitable<bool> writing = write_next();
        if (!co_await std::move(writing)) co_return;
    }
}

/// Sends one frame, or waits until there may be one. False ends the connection.
Awaitable<bool> Connection::write_next() {
    if (state_.book.wants_refill()) {
        const sys::Result<> refilled = state_.pipes.refill(state_.book.refill());
        if (!refilled) co_return fail("replaying", refilled.error());
    }
    const std::optional<RelayBook::NextFrame> next =
        state_.book.next_frame(state_.pipes.was_crowded());
    if (next) {
        Awaitable<bool> writing = write(*next);
        co_return co_await std::move(writing);
    }
    Awaitable<> waiting = state_.work.wait();
    co_await std::move(waiting);
    co_return true;
}

/// Returns whether there is anything left to say: data, or a farewell.
Awaitable<bool> Connection::await_welcome() {
    const auto doubt = std::min(options_.welcome_doubt, options_.welcome_timeout);
    Awaitable<bool> soon = io::with_deadline(answer(), doubt);
    if (co_await std::move(soon)) co_return true;
    // Until its WELCOME a stream says nothing, and would not notice a host that has forgotten it
    // without a word. The event goes over the link, which then shows that it is dead as well.
    callbacks_.event("output_unanswered", {{"stream", state_.name}});
    Awaitable<bool> answered = io::with_deadline(answer(), options_.welcome_timeout - doubt);
    const bool in_time = co_await std::move(answered);
    co_return in_time || fail("no WELCOME came");
}

Awaitable<> Connection::answer() {
    while (!welcomed_ && !farewell_ && socket_.is_open()) {
        Awaitable<> waiting = state_.work.wait();
        co_await std::move(waiting);
    }
}

Awaitable<bool> Connection::write_control(std::string frame) {
    state_.book.stall().begin(RelayBook::Clock::now());
    writing_ = true;
    Awaitable<bool> sending = send_all(frame);
    const bool sent = co_await std::move(sending);
    written();
    co_return sent;
}

/// A frame is through, or given up.
void Connection::written() {
    writing_ = false;
    const auto stalled = state_.book.stall().end(RelayBook::Clock::now());
    if (stalled && socket_.is_open() && why_.empty())
        callbacks_.event("output_recovered",
                         {{"stream", state_.name}, {"stalled_ms", stalled->count()}});
}

Awaitable<bool> Connection::write(RelayBook::NextFrame frame) {
    using What = RelayBook::NextFrame::What;
    if (frame.what != What::data) {
        Awaitable<bool> saying =
            write_control(frame.what == What::gap ? gap(frame) : end_of_stream(frame));
        co_return co_await std::move(saying);
    }
    state_.book.stall().begin(RelayBook::Clock::now());
    writing_ = true;
    const proto::FrameHeader header{.type = FrameType::data,
                                    .stream = state_.number,
                                    .flags = frame.ack_now ? proto::frame_flag::ack_now
                                                           : std::uint16_t{0},
                                    .length = static_cast<std::uint32_t>(frame.length),
                                    .offset = frame.offset};
    Awaitable<bool> writing = write_data(header);
    const bool sent = co_await std::move(writing);
    written();
    co_return sent;
}

/// Waits once: until the socket takes bytes (true), or the frame is given up (false).
Awaitable<bool> Connection::writable() {
    for (;;) {
        if (!socket_.is_open()) co_return false;
        const auto deadline = state_.book.stall().deadline();
        if (sys::is_off(sys::Defence::independent_writers))
            make_all_wait(socket_.native_handle(), deadline);
        deadline_.expires_at(deadline);
        auto group = boost::asio::experimental::make_parallel_group(
            socket_.async_wait(io::Socket::wait_write, boost::asio::deferred),
            deadline_.async_wait(boost::asio::deferred));
        auto waiting =
            group.async_wait(boost::asio::experimental::wait_for_one(), boost::asio::use_awaitable);
        auto done = co_await std::move(waiting);
        const std::array<std::size_t, 2>& order = std::get<0>(done);
        if (order[0] == 0) {
            const io::error_code& error = std::get<1>(done);
            co_return !error || fail("writing", error);
        }
        if (std::exchange(look_again_, false)) co_return true;
        if (std::get<2>(done)) co_return false; // cancelled
        io::note_expiry(deadline_.get_executor(), deadline, RelayBook::Clock::now());
        if (!deadline_passed()) co_return false;
    }
}

void Connection::look_again() {
    look_again_ = writing_;
    if (writing_) deadline_.cancel();
    state_.work.notify();
}

/// Whether to go on waiting.
bool Connection::deadline_passed() {
    const std::uint64_t offset = state_.book.offsets().acked;
    switch (state_.book.stall().late(RelayBook::Clock::now())) {
    case RelayBook::Late::rearmed:
        return true;
    case RelayBook::Late::stalled:
        callbacks_.warn(fmt::format("output \"{}\" stalls: the host has granted credit and does "
                                    "not read",
                                    state_.name));
        callbacks_.event("output_stalled", {{"stream", state_.name}, {"offset", offset}});
        return true;
    case RelayBook::Late::redial:
        state_.book.give_up();
        callbacks_.event(
            "output_redialled",
            {{"stream", state_.name}, {"offset", offset}, {"frame_cap", state_.book.frame_cap()}});
        return fail("the host does not read");
    }
    return false;
}

std::string Connection::hello(const OutputIdentity& identity) {
    const RelayBook::Greeting greeting = state_.book.greet();
    const proto::OutputHello hello{
        .versions = {static_cast<std::uint64_t>(proto::protocol_version)},
        .boot_id = identity.boot_id,
        .generation = identity.generation,
        .parent_generation = identity.parent_generation,
        .epoch = identity.epoch,
        .link_key = identity.link_key,
        .stream = state_.name,
        .oldest = greeting.oldest,
        .next = greeting.next};
    return proto::encode({.type = FrameType::hello, .stream = state_.number},
                         json::serialize(proto::to_json(hello)));
}

std::string Connection::gap(const RelayBook::NextFrame& frame) const {
    return proto::encode({.type = FrameType::dropped,
                          .stream = state_.number,
                          .flags = proto::frame_flag::ack_now,
                          .offset = frame.offset},
                         json::serialize(proto::to_json(proto::Dropped{.count = frame.length})));
}

std::string Connection::end_of_stream(const RelayBook::NextFrame& frame) const {
    return proto::encode(
        {.type = FrameType::eos,
         .stream = state_.number,
         .flags = proto::frame_flag::ack_now,
         .offset = frame.offset},
        json::serialize(proto::to_json(state_.book.ended().value_or(proto::EndOfStream{}))));
}

} // namespace rouse::output
