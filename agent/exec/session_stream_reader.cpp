// What a client of a session sends.

#include "agent/exec/session_stream.hpp"
#include "proto/exec_stream.hpp"

#include <utility>
#include <variant>

namespace rouse::exec {

using proto::Frame;
using proto::FrameType;
using proto::Parsed;
using proto::Problem;

namespace {

/// Frames that change the session, and not only our place in it.
bool needs_control(FrameType type) {
    return type == FrameType::data || type == FrameType::eos || type == FrameType::signal ||
           type == FrameType::resize;
}

} // namespace

io::Awaitable<> SessionStream::read_frames() {
    while (true) {
        io::Awaitable<io::FrameRead> reading = frames_.read();
        const io::FrameRead read = co_await std::move(reading);
        if (std::holds_alternative<io::StreamEnd>(read)) co_return;
        if (const auto* problem = std::get_if<Problem>(&read)) {
            post_error("protocol", problem->message());
            co_return;
        }
        if (!take(std::get<Frame>(read))) co_return;
    }
}

bool SessionStream::take(const Frame& frame) {
    if (needs_control(frame.header.type) && !controls()) {
        post_error("read_only", "this client does not control the session");
        return false;
    }
    if (frame.header.type == FrameType::detach) {
        proto::FrameHeader header;
        header.type = FrameType::detach;
        frames_.post(proto::encode(header, "{}"));
        last_words_ = true;
        session_->detach(control_);
        return false;
    }
    const Parsed<void> accepted = accept(frame);
    if (accepted) return true;
    post_error("protocol", accepted.error().message());
    return false;
}

Parsed<void> SessionStream::accept(const Frame& frame) {
    switch (frame.header.type) {
    case FrameType::data:
    case FrameType::eos:
        if (frame.header.stream != proto::stream_id::in)
            return Problem(std::string(proto::name(frame.header.type)) + " frame",
                           "only stream 0 goes to the guest");
        return accept_input(frame);
    case FrameType::ack:
        return accept_ack(frame);
    case FrameType::signal:
        return accept_signal(frame);
    case FrameType::resize:
        return accept_resize(frame);
    case FrameType::ping:
        frames_.answer_ping(frame);
        return {};
    default:
        // Types that we do not know are skipped; the others mean nothing here and do no harm.
        return {};
    }
}

Parsed<void> SessionStream::accept_input(const Frame& frame) {
    Parsed<void> taken = session_->input().accept(frame);
    session_->changed().notify_all();
    return taken;
}

Parsed<void> SessionStream::accept_ack(const Frame& frame) {
    const std::uint8_t stream = frame.header.stream;
    if (stream != out_.stream && stream != err_.stream)
        return Problem("ACK frame", "acknowledges a stream that we do not send");
    const Parsed<proto::Ack> ack = proto::parse_ack(frame.payload);
    if (!ack) return ack.error();
    Place& place = stream == out_.stream ? out_ : err_;
    Parsed<void> applied = place.window.acknowledge(frame.header.offset, *ack);
    if (!applied) return applied;
    if (controls()) session_->release(stream, frame.header.offset);
    session_->changed().notify_all();
    return {};
}

Parsed<void> SessionStream::accept_signal(const Frame& frame) {
    const Parsed<proto::SignalRequest> request = proto::parse_signal_request(frame.payload);
    if (!request) return request.error();
    // A process that has just ended takes no signal, and its EXIT is on the way.
    (void)session_->signal(static_cast<int>(request->signal));
    return {};
}

Parsed<void> SessionStream::accept_resize(const Frame& frame) {
    const Parsed<proto::TerminalSize> size = proto::parse_terminal_size(frame.payload);
    if (!size) return size.error();
    // Without a terminal a size says nothing; after the end it is too late.
    (void)session_->resize(*size);
    return {};
}

} // namespace rouse::exec
