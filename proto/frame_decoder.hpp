#pragma once
// Cuts a byte stream into frames. Bytes go in as they arrive; whole frames come out.

#include "proto/frame.hpp"

#include <optional>

namespace rouse::proto {

/// Not thread-safe. Holds at most one frame of the largest allowed size plus what append() was
/// given, since next() is called until it has nothing more.
class FrameDecoder {
public:
    /// `max_data`: the largest data payload in bytes that is accepted.
    explicit FrameDecoder(std::size_t max_data = limits::data_frame) : max_data_(max_data) {}

    void append(std::string_view bytes);

    /// The next whole frame, nothing while bytes are missing, or the problem of a frame whose
    /// length is refused. After a problem the stream cannot be followed any more: end the session.
    Parsed<std::optional<Frame>> next();

    /// Bytes of an unfinished frame: at end of file this is what was cut off.
    [[nodiscard]] std::size_t pending() const { return buffer_.size() - read_; }

private:
    std::size_t max_data_;
    std::string buffer_;
    std::size_t read_ = 0;
};

} // namespace rouse::proto
