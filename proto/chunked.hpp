#pragma once
// Chunked bodies of HTTP/1.1: the form of an answer whose length nobody knows yet. Source: RFC
// 9112, section 7.1.

#include "proto/problem.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rouse::proto {

/// `bytes` as one chunk. Nothing for no bytes: an empty chunk would be the end.
std::string encode_chunk(std::string_view bytes);

/// The end of a body, without trailers.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Takes a chunked body apart, wherever it was cut on its way.
class ChunkDecoder {
public:
    /// Appends what `bytes` hold of the body. A problem when they are no chunked body; nothing more
    /// is decoded then. What comes after the end is not touched, see left_over().
    Parsed<void> feed(std::string_view bytes, std::string& body);

    /// How many of the bytes that were fed last came after the end.
    [[nodiscard]] std::size_t left_over() const { return left_over_; }

    /// The last chunk came. A body that stops before it was cut off.
    [[nodiscard]] bool ended() const { return state_ == State::ended; }

private:
    enum class State { size, data, after_data, trailer, ended, broken };

    Parsed<void> take_line();

    State state_ = State::size;
    std::string line_;       ///< of a line that is not complete yet
    std::uint64_t left_ = 0; ///< bytes of the chunk that are still to come
    std::size_t left_over_ = 0;
};

} // namespace rouse::proto
