#include "proto/chunked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rouse::proto {

namespace {

/// A size and extensions that nobody uses.
constexpr std::size_t longest_line = 256;
constexpr std::uint64_t largest_chunk = 1ULL << 30U;

} // namespace

std::string encode_chunk(std::string_view bytes) {
    return bytes.empty() ? std::string() : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

Parsed<void> ChunkDecoder::feed(std::string_view bytes, std::string& body) {
    while (!bytes.empty() && state_ != State::ended) {
        if (state_ == State::broken) return Problem("chunked body", "is broken");
        if (state_ == State::data) {
            const auto size =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            body.append(bytes.substr(0, size));
            bytes.remove_prefix(size);
            left_ -= size;
            if (left_ == 0) state_ = State::after_data;
            continue;
        }
        const std::size_t end = bytes.find('\n');
        line_.append(bytes.substr(0, end));
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        if (line_.size() > longest_line) {
            state_ = State::broken;
            return Problem("chunked body", "a line is too long");
        }
        if (end == std::string_view::npos) break;
        if (const Parsed<void> taken = take_line(); !taken) return taken;
    }
    left_over_ = bytes.size();
    return {};
}

Parsed<void> ChunkDecoder::take_line() {
    // Who ends a line elsewhere than others do hides a request in it (RFC 9112, section 7.1).
    if (!line_.ends_with('\r')) {
        state_ = State::broken;
        return Problem("chunked body", "a line ends without a carriage return");
    }
    line_.pop_back();
    const std::string line = std::move(line_);
    line_.clear();
    if (state_ == State::trailer) {
        if (line.empty()) state_ = State::ended;
        return {};
    }
    if (state_ == State::after_data && line.empty()) {
        state_ = State::size;
        return {};
    }
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
    const bool is_size = error == std::errc() && left_ <= largest_chunk &&
                         (end == line.data() + line.size() || *end == ';' || *end == ' ');
    if (state_ == State::after_data || !is_size) {
        state_ = State::broken;
        return Problem("chunked body", "the size of a chunk is no number");
    }
    state_ = left_ == 0 ? State::trailer : State::data;
    return {};
}

} // namespace rouse::proto
