#pragma once
// What an output connection brings, in the order of the stream: bytes, gaps, and its end.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace rouse::host {

/// Which stream it is: {boot id, generation, stream} of one machine. `parent` is the generation
/// whose snapshot this one was restored from.
struct StreamIdentity {
    std::string vm;
    std::string boot_id;
    std::string generation;
    std::string stream; ///< "stdout" or "stderr"
    std::optional<std::string> parent;
};

struct Piece {
    enum class Kind { data, gap, end };

    Kind kind = Kind::data;
    std::uint64_t offset = 0; ///< of the stream
    std::uint64_t count = 0;  ///< how many bytes of the stream it stands for; 0 for an end
    std::string bytes;        ///< data: they themselves; end: how it came about
    std::chrono::system_clock::time_point time; ///< when it came

    Piece() = default;
    Piece(Kind what, std::uint64_t where, std::uint64_t length, std::string content)
        : kind(what), offset(where), count(length), bytes(std::move(content)),
          time(std::chrono::system_clock::now()) {}

    [[nodiscard]] std::uint64_t next() const { return offset + count; }
};

} // namespace rouse::host
