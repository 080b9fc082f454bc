// What the client sends: frames, and through them the stdin of the process.

#include "agent/exec/exec_stream.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/exec_stream.hpp"
#include "proto/link.hpp"

#include <boost/json/serialize.hpp>

#include <utility>
#include <variant>

namespace rouse::exec {

using io::no_throw;
using proto::Frame;
using proto::FrameType;
using proto::Parsed;
using proto::Problem;

io::Awaitable<> ExecStream::read_frames() {
    while (true) {
        io::Awaitable<io::FrameRead> reading = frames_.read();
        io::FrameRead read = co_await std::move(reading);
        if (std::holds_alternative<io::StreamEnd>(read)) co_return;
        std::optional<Problem> problem;
        if (auto* frame = std::get_if<Frame>(&read)) {
            const Parsed<void> accepted = accept(std::move(*frame));
            if (accepted) continue;
            problem = accepted.error();
        } else {
            problem = std::get<Problem>(read);
        }
        proto::ErrorDocument document;
        document.kind = "protocol";
        document.message = problem->message();
        post_json(FrameType::error, proto::to_json(document));
        broken_ = true;
        co_return;
    }
}

Parsed<void> ExecStream::accept(Frame frame) {
    switch (frame.header.type) {
    case FrameType::data: {
        if (frame.header.stream != proto::stream_id::in)
            return Problem("DATA frame", "only stream 0 goes to the guest");
        Parsed<void> received = input_window_.receive(frame.header);
        if (!received) return received;
        input_ += frame.payload;
        input_ready_.cancel();
        return {};
    }
    case FrameType::eos: {
        if (frame.header.stream != proto::stream_id::in)
            return Problem("EOS frame", "only stream 0 goes to the guest");
        Parsed<void> ended = input_window_.end(frame.header.offset);
        input_ready_.cancel();
        return ended;
    }
    case FrameType::ack:
        return accept_ack(frame);
    case FrameType::signal:
        return accept_signal(frame);
    case FrameType::ping:
        frame.header.type = FrameType::pong;
        frames_.post(proto::encode(frame.header, frame.payload));
        return {};
    default:
        // Types that we do not know are skipped; RESIZE says nothing to a process without a
        // terminal; the others mean nothing here and do no harm.
        return {};
    }
}

Parsed<void> ExecStream::accept_ack(const Frame& frame) {
    const std::uint8_t stream = frame.header.stream;
    if (stream != out_.stream && stream != err_.stream)
        return Problem("ACK frame", "acknowledges a stream that we do not send");
    Output& output = stream == out_.stream ? out_ : err_;
    const Parsed<proto::Ack> ack = proto::parse_ack(frame.payload);
    if (!ack) return ack.error();
    Parsed<void> applied = output.window.acknowledge(frame.header.offset, *ack);
    output.credit.cancel();
    acknowledged_.cancel();
    return applied;
}

Parsed<void> ExecStream::accept_signal(const Frame& frame) {
    const Parsed<proto::SignalRequest> request = proto::parse_signal_request(frame.payload);
    if (!request) return request.error();
    // A process that has just ended takes no signal, and its EXIT is on the way.
    if (process_.started()) (void)process_.child().signal_group(static_cast<int>(request->signal));
    return {};
}

io::Awaitable<> ExecStream::feed_input() {
    while (!input_.empty() || !input_window_.ended()) {
        if (input_.empty()) {
            (void)co_await input_ready_.async_wait(no_throw);
            continue;
        }
        io::Awaitable<> feeding = feed_once();
        co_await std::move(feeding);
        const bool due = input_.empty() || input_window_.wants_ack();
        if (due && !input_window_.ended())
            frames_.post(input_window_.ack(proto::stream_id::in, false));
    }
    close_input();
    frames_.post(input_window_.ack(proto::stream_id::in, true));
    // The end of input ends nothing else: wait until the race that we run in is over.
    while (true)
        (void)co_await input_ready_.async_wait(no_throw);
}

io::Awaitable<> ExecStream::feed_once() {
    if (!process_.in.is_open()) {
        discard_input();
        co_return;
    }
    const sys::Result<sys::Moved> moved = sys::write_some(process_.in.native_handle(), input_);
    if (!moved) {
        close_input();
        discard_input();
    } else if (moved->outcome == sys::IoOutcome::would_block) {
        (void)co_await process_.in.async_wait(io::Descriptor::wait_write, no_throw);
    } else {
        input_.erase(0, moved->bytes);
        input_window_.consume(moved->bytes);
    }
}

void ExecStream::close_input() {
    io::error_code ignored; // The descriptor is gone either way.
    process_.in.close(ignored);
}

void ExecStream::discard_input() {
    input_window_.consume(input_.size());
    input_.clear();
}

} // namespace rouse::exec
