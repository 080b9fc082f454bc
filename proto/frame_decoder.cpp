#include "proto/frame_decoder.hpp"

namespace rouse::proto {

void FrameDecoder::append(std::string_view bytes) {
    // Consumed bytes are dropped here and not in next(), so that a burst of small frames is moved
    // once and not once a frame.
    buffer_.erase(0, read_);
    read_ = 0;
    buffer_.append(bytes);
}

Parsed<std::optional<Frame>> FrameDecoder::next() {
    if (pending() < frame_header_size) return std::optional<Frame>();
    const std::string_view rest = std::string_view(buffer_).substr(read_);
    const FrameHeader header =
        decode(std::span<const char, frame_header_size>(rest.data(), frame_header_size));
    if (Parsed<void> checked = check(header, max_data_); !checked) return checked.error();
    if (rest.size() - frame_header_size < header.length) return std::optional<Frame>();
    Frame frame{header, std::string(rest.substr(frame_header_size, header.length))};
    read_ += frame_header_size + header.length;
    return std::optional<Frame>(std::move(frame));
}

} // namespace rouse::proto
