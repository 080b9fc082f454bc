#include "agent/exec/forward_stream.hpp"

#include "agent/io/connect.hpp"
#include "agent/io/race.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/exec_stream.hpp"
#include "proto/link.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace rouse::exec {

using io::no_throw;
using proto::FrameType;
using proto::Parsed;
using proto::Problem;

namespace {

constexpr std::chrono::milliseconds last_words{500};

std::vector<io::Address> addresses_of(const proto::ForwardRequest& request) {
    if (request.socket) return {io::UnixAddress{*request.socket}};
    using Family = io::LoopbackAddress::Family;
    const std::uint16_t port = request.tcp.value_or(0);
    return {io::LoopbackAddress{port, Family::v4}, io::LoopbackAddress{port, Family::v6}};
}

} // namespace

ForwardStream::ForwardStream(io::Socket& socket, std::string received)
    : socket_(socket), frames_(socket, std::move(received)), target_(socket.get_executor()),
      input_ready_(socket.get_executor(), io::Timer::time_point::max()),
      credit_(socket.get_executor(), io::Timer::time_point::max()) {}

io::Awaitable<> ForwardStream::run(proto::ForwardRequest request) {
    io::Awaitable<bool> connecting = connect(request);
    const bool connected = co_await std::move(connecting);
    if (connected) {
        post(FrameType::started, proto::to_json(proto::Started()));
        io::Awaitable<io::Winner> serving = io::race(read_frames(), carry());
        (void)co_await std::move(serving);
    }
    if (!connected || broken_) {
        io::Awaitable<bool> flushing = io::with_deadline(flush(), last_words);
        (void)co_await std::move(flushing);
    }
}

io::Awaitable<> ForwardStream::refuse(std::string kind, std::string message) {
    break_off(std::move(kind), std::move(message));
    io::Awaitable<bool> flushing = io::with_deadline(flush(), last_words);
    (void)co_await std::move(flushing);
}

/// Tries one address after the other. The ERROR names what was asked for and the first reason: a
/// guest without IPv6 has nothing to say about the second.
io::Awaitable<bool> ForwardStream::connect(const proto::ForwardRequest& request) {
    const std::vector<io::Address> addresses = addresses_of(request);
    std::optional<io::error_code> first;
    for (const io::Address& address : addresses) {
        io::Awaitable<sys::Result<io::Socket>> connecting =
            io::connect(socket_.get_executor(), address, proto::limits::connect_else);
        sys::Result<io::Socket> connected = co_await std::move(connecting);
        if (connected) {
            target_ = std::move(*connected);
            co_return true;
        }
        if (!first) first = connected.error();
    }
    const io::error_code why = first.value_or(io::error_code());
    post(FrameType::error,
         proto::to_json(proto::ConnectFailure{
             .error = static_cast<std::uint64_t>(why.value()),
             .message = fmt::format("'{}': {}", io::to_text(addresses.front()), why.message())}));
    co_return false;
}

io::Awaitable<> ForwardStream::carry() {
    io::Awaitable<> both = io::both(feed(), pump());
    co_await std::move(both);
    if (broken_) co_return;
    io::Awaitable<bool> closing = io::with_deadline(await_acknowledged(), close_deadline);
    (void)co_await std::move(closing);
}

io::Awaitable<> ForwardStream::await_acknowledged() {
    while (!output_window_.all_acknowledged())
        (void)co_await credit_.async_wait(no_throw);
}

io::Awaitable<> ForwardStream::flush() {
    io::Awaitable<io::error_code> flushing = frames_.flush();
    (void)co_await std::move(flushing); // A client that is gone needs no last words.
}

io::Awaitable<> ForwardStream::read_frames() {
    while (true) {
        io::Awaitable<io::FrameRead> reading = frames_.read();
        io::FrameRead read = co_await std::move(reading);
        if (std::holds_alternative<io::StreamEnd>(read)) co_return;
        std::optional<Problem> problem;
        if (auto* frame = std::get_if<proto::Frame>(&read)) {
            const Parsed<void> accepted = accept(*frame);
            if (accepted) continue;
            problem = accepted.error();
        } else {
            problem = std::get<Problem>(read);
        }
        break_off("protocol", problem->message());
        co_return;
    }
}

Parsed<void> ForwardStream::accept(const proto::Frame& frame) {
    const bool is_input = frame.header.stream == proto::stream_id::in;
    switch (frame.header.type) {
    case FrameType::data:
    case FrameType::eos: {
        if (!is_input) return Problem("DATA frame", "only stream 0 goes to the guest");
        const bool is_end = frame.header.type == FrameType::eos;
        Parsed<void> taken =
            is_end ? input_window_.end(frame.header.offset) : input_window_.receive(frame.header);
        if (taken && !is_end) input_ += frame.payload;
        input_ready_.cancel();
        return taken;
    }
    case FrameType::ack: {
        if (is_input) return Problem("ACK frame", "acknowledges a stream that we do not send");
        const Parsed<proto::Ack> ack = proto::parse_ack(frame.payload);
        if (!ack) return ack.error();
        Parsed<void> applied = output_window_.acknowledge(frame.header.offset, *ack);
        credit_.cancel();
        return applied;
    }
    case FrameType::ping:
        frames_.answer_ping(frame);
        return {};
    default:
        return {}; // Unknown types are skipped.
    }
}

/// Writes to the target what came, then tells it the end.
io::Awaitable<> ForwardStream::feed() {
    while (!broken_ && (!input_.empty() || !input_window_.ended())) {
        if (input_.empty()) {
            (void)co_await input_ready_.async_wait(no_throw);
            continue;
        }
        if (!feed_once()) (void)co_await target_.async_wait(io::Socket::wait_write, no_throw);
        const bool due = input_.empty() || input_window_.wants_ack();
        if (due && !input_window_.ended())
            frames_.post(input_window_.ack(proto::stream_id::in, false));
    }
    io::error_code ignored; // A target that is gone needs no end.
    target_.shutdown(io::Socket::shutdown_send, ignored);
    frames_.post(input_window_.ack(proto::stream_id::in, true));
}

/// Whether the target took anything, or takes no more.
bool ForwardStream::feed_once() {
    const sys::Result<sys::Moved> moved = sys::write_some(target_.native_handle(), input_);
    if (moved && moved->outcome == sys::IoOutcome::would_block) return false;
    // A target that takes no more may still have something to say.
    const std::size_t done = moved ? moved->bytes : input_.size();
    input_.erase(0, done);
    input_window_.consume(done);
    return true;
}

io::Awaitable<> ForwardStream::pump() {
    Took took = Took::nothing;
    while (took != Took::end) {
        if (output_window_.credit() == 0) {
            (void)co_await credit_.async_wait(no_throw);
            continue;
        }
        std::string frame;
        took = take(frame);
        if (took == Took::nothing) {
            (void)co_await target_.async_wait(io::Socket::wait_read, no_throw);
        } else if (took == Took::bytes) {
            io::Awaitable<io::error_code> writing = frames_.write(std::move(frame));
            const io::error_code error = co_await std::move(writing);
            if (error) co_return; // The reader notices that the client is gone.
        }
    }
    if (broken_) co_return;
    proto::FrameHeader header{.type = FrameType::eos, .stream = proto::stream_id::out};
    header.offset = output_window_.sent();
    frames_.post(
        proto::encode(header, boost::json::serialize(proto::to_json(proto::EndOfStream()))));
}

/// Reads what the target has said, as one frame.
ForwardStream::Took ForwardStream::take(std::string& frame) {
    const std::size_t room =
        std::min<std::uint64_t>(output_window_.credit(), proto::limits::data_frame);
    std::string payload(room, '\0');
    const sys::Result<sys::Moved> moved = sys::read_some(target_.native_handle(), payload);
    if (!moved) {
        break_off("reset", moved.error().message());
        input_ready_.cancel(); // the feeder ends, too
        return Took::end;
    }
    if (moved->outcome == sys::IoOutcome::end_of_stream) return Took::end;
    if (moved->outcome == sys::IoOutcome::would_block) return Took::nothing;
    payload.resize(moved->bytes);
    proto::FrameHeader header{.type = FrameType::data, .stream = proto::stream_id::out};
    header.offset = output_window_.sent();
    output_window_.send(moved->bytes);
    if (output_window_.wants_ack()) header.flags = proto::frame_flag::ack_now;
    frame = proto::encode(header, payload);
    return Took::bytes;
}

void ForwardStream::post(FrameType type, const boost::json::value& document) {
    proto::FrameHeader header;
    header.type = type;
    frames_.post(proto::encode(header, boost::json::serialize(document)));
}

void ForwardStream::break_off(std::string kind, std::string message) {
    broken_ = true;
    proto::ErrorDocument document;
    document.kind = std::move(kind);
    document.message = std::move(message);
    post(FrameType::error, proto::to_json(document));
}

} // namespace rouse::exec
