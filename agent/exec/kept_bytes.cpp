#include "agent/exec/kept_bytes.hpp"

#include <algorithm>

namespace rouse::exec {

namespace {

/// Small pieces are joined up to this size, so that lines do not cost more than their bytes.
constexpr std::size_t joined_piece = 4096;

} // namespace

void KeptBytes::append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!pieces_.empty() && pieces_.back().bytes.size() + bytes.size() <= joined_piece)
        pieces_.back().bytes += bytes;
    else
        pieces_.push_back({.begin = next_, .bytes = std::string(bytes)});
    next_ += bytes.size();
}

void KeptBytes::drop_before(std::uint64_t offset) {
    oldest_ = std::max(oldest_, std::min(offset, next_));
    while (!pieces_.empty() && pieces_.front().begin + pieces_.front().bytes.size() <= oldest_)
        pieces_.pop_front();
}

std::string_view KeptBytes::from(std::uint64_t offset) const {
    const auto is_before = [](std::uint64_t wanted, const Piece& piece) {
        return wanted < piece.begin;
    };
    const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), offset, is_before);
    if (after == pieces_.begin() || offset >= next_) return {};
    const Piece& piece = *std::prev(after);
    return std::string_view(piece.bytes).substr(offset - piece.begin);
}

std::string KeptBytes::all() const {
    std::string bytes;
    bytes.reserve(size());
    for (std::string_view piece = from(oldest_); !piece.empty();
         piece = from(oldest_ + bytes.size()))
        bytes += piece;
    return bytes;
}

} // namespace rouse::exec
