#include "agent/exec/session_input.hpp"

#include "proto/limits.hpp"

#include <utility>

namespace rouse::exec {

SessionInput::SessionInput(std::string whole) : waiting_(std::move(whole)), ended_(true) {}

proto::Parsed<void> SessionInput::accept(const proto::Frame& frame) {
    const bool ends = frame.header.type == proto::FrameType::eos;
    return ends ? end(frame.header.offset) : receive(frame.header, frame.payload);
}

proto::Parsed<void> SessionInput::receive(const proto::FrameHeader& header,
                                          std::string_view bytes) {
    proto::Parsed<void> received = window_.receive(header);
    if (!received) return received;
    waiting_ += bytes;
    if (closed_) consume(waiting_.size());
    return {};
}

proto::Parsed<void> SessionInput::end(std::uint64_t offset) {
    proto::Parsed<void> ended = window_.end(offset);
    if (ended) ended_ = true;
    return ended;
}

void SessionInput::consume(std::size_t bytes) {
    waiting_.erase(0, bytes);
    if (waiting_.empty()) waiting_ = std::string(); // Idle sessions hold no memory.
    window_.consume(bytes);
    consumed_ = consumed_ || bytes > 0;
}

void SessionInput::close() {
    closed_ = true;
    consume(waiting_.size());
}

bool SessionInput::ack_due() const {
    if (finished()) return !end_acked_;
    return consumed_ && (waiting_.empty() || window_.wants_ack());
}

std::string SessionInput::ack() {
    consumed_ = false;
    end_acked_ = finished();
    return window_.ack(proto::stream_id::in, end_acked_);
}

} // namespace rouse::exec
