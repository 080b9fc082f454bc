#include "tools/benchmark/relay/frame_scan.hpp"

#include <algorithm>

namespace rouse::bench {

std::optional<FrameScan::Piece> FrameScan::next(std::string_view& bytes) {
    if (bytes.empty()) return std::nullopt;
    if (missing_ == 0) {
        const auto count = std::min(bytes.size(), buffer_.size() - buffered_);
        bytes.copy(buffer_.data() + buffered_, count);
        bytes.remove_prefix(count);
        buffered_ += count;
        if (buffered_ < buffer_.size()) return std::nullopt;
        buffered_ = 0;
        header_ = proto::decode(buffer_);
        missing_ = header_.length;
        if (missing_ == 0) return Piece{.header = header_, .bytes = {}, .last = true};
        if (bytes.empty()) return std::nullopt;
    }
    const auto payload = bytes.substr(0, missing_);
    bytes.remove_prefix(payload.size());
    missing_ -= payload.size();
    return Piece{.header = header_, .bytes = payload, .last = missing_ == 0};
}

} // namespace rouse::bench
