#pragma once
// Looks through the frames of an output connection without copying their bytes: a receiver that
// costs next to nothing, so that what is measured is the sender.

#include "proto/frame.hpp"

#include <optional>
#include <string_view>

namespace rouse::bench {

class FrameScan {
public:
    /// Bytes of a stream, or the end of a frame.
    struct Piece {
        proto::FrameHeader header; ///< of the frame that it belongs to
        std::string_view bytes;    ///< of its payload; points into what was given
        bool last = false;         ///< the frame is complete
    };

    /// Takes the next piece off the front of `bytes`; nothing once all of it is taken. A header may
    /// be cut anywhere.
    std::optional<Piece> next(std::string_view& bytes);

private:
    std::array<char, proto::frame_header_size> buffer_{};
    std::size_t buffered_ = 0;
    proto::FrameHeader header_;
    std::size_t missing_ = 0; ///< payload bytes of the frame that are still to come
};

} // namespace rouse::bench
