#pragma once
// What a session's process gets as stdin: bytes that were received and not yet written to it.

#include "agent/exec/window.hpp"

#include <string>
#include <string_view>

namespace rouse::exec {

/// Pure. Bounded by the window that a client is granted.
class SessionInput {
public:
    /// `whole`: everything that will ever come, for a plain exec; it is at its end then.
    SessionInput() = default;
    explicit SessionInput(std::string whole);

    /// A frame of stream 0: DATA by receive(), EOS by end().
    proto::Parsed<void> accept(const proto::Frame& frame);
    /// A DATA frame of stream 0. A problem: a gap, beyond the window, or after the end.
    proto::Parsed<void> receive(const proto::FrameHeader& header, std::string_view bytes);
    /// An EOS frame of stream 0.
    proto::Parsed<void> end(std::uint64_t offset);
    /// A client came that begins at received().
    void resume() { window_.resume(); }

    [[nodiscard]] std::string_view waiting() const { return waiting_; }
    /// The process has taken so many of them.
    void consume(std::size_t bytes);
    /// The process takes no more, now and later: what comes is thrown away.
    void close();

    /// Nothing waits, and nothing more will come.
    [[nodiscard]] bool finished() const { return ended_ && waiting_.empty(); }
    [[nodiscard]] std::uint64_t received() const { return window_.received(); }
    /// Whether an ACK would tell the client something that it waits for.
    [[nodiscard]] bool ack_due() const;
    /// The ACK frame that is due.
    std::string ack();

private:
    ReceiveWindow window_{proto::limits::exec_window};
    std::string waiting_;
    bool ended_ = false;
    bool closed_ = false;
    bool end_acked_ = false;
    bool consumed_ = false; ///< something since the last ACK
};

} // namespace rouse::exec
