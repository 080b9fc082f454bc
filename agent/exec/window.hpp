#pragma once
// Flow control of one stream of an exec session, both directions (proto/README.md, "Flow control").
// Pure: offsets in, decisions out.

#include "proto/frame.hpp"
#include "proto/output.hpp"

#include <algorithm>
#include <cstdint>

namespace rouse::exec {

/// Bytes that we send and the client acknowledges.
class SendWindow {
public:
    /// `initial`: bytes that may be sent before the first ACK. `offset`: of the first of them.
    explicit SendWindow(std::uint64_t initial, std::uint64_t offset = 0)
        : sent_(offset), acked_(offset), limit_(offset + initial), window_(initial) {}

    /// How many bytes may be sent now.
    [[nodiscard]] std::uint64_t credit() const { return limit_ - sent_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    /// Takes `bytes` of the credit, which must be there.
    void send(std::uint64_t bytes) { sent_ += bytes; }
    /// Passes over `bytes` that are lost: they cost no credit.
    void skip(std::uint64_t bytes) {
        sent_ += bytes;
        limit_ = std::max(limit_, sent_ + std::min(window_, UINT64_MAX - sent_));
    }
    /// Whether the client should answer the next frame at once, since half of the window is used.
    [[nodiscard]] bool wants_ack() const { return credit() <= window_ / 2; }

    /// Applies an ACK. A problem: it acknowledges what was never sent, or its offset goes back. A
    /// limit that would go back is ignored.
    proto::Parsed<void> acknowledge(std::uint64_t offset, const proto::Ack& ack);
    /// Everything that was sent, and the end of the stream, too.
    [[nodiscard]] bool all_acknowledged() const { return acked_ == sent_ && eos_acked_; }

private:
    std::uint64_t sent_;
    std::uint64_t acked_;
    std::uint64_t limit_;
    std::uint64_t window_;
    bool eos_acked_ = false;
};

/// Bytes that the client sends and we consume.
class ReceiveWindow {
public:
    explicit ReceiveWindow(std::uint64_t window) : window_(window), limit_(window) {}

    /// Notes a DATA frame. A problem: a gap, more than we granted, or bytes after the end.
    proto::Parsed<void> receive(const proto::FrameHeader& header);
    /// Notes EOS. A problem: it is not at the end of what was received, or a client says it twice.
    proto::Parsed<void> end(std::uint64_t offset);
    void consume(std::uint64_t bytes) { consumed_ += bytes; }
    /// A client came that begins at received(), with a whole window.
    void resume() {
        limit_ = std::max(limit_, received_ + window_);
        said_ = false;
    }

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// Whether half of the window was consumed since the last ACK.
    [[nodiscard]] bool wants_ack() const { return consumed_ - acked_ >= window_ / 2; }
    /// The ACK frame that is due now. `eos`: the end was consumed, too.
    [[nodiscard]] std::string ack(std::uint8_t stream, bool eos);

private:
    std::uint64_t window_;
    std::uint64_t limit_; ///< the client may send up to here
    std::uint64_t received_ = 0;
    std::uint64_t consumed_ = 0;
    std::uint64_t acked_ = 0;
    bool ended_ = false;
    bool said_ = false; ///< by this client: one that came back cannot know that its EOS arrived
};

} // namespace rouse::exec
