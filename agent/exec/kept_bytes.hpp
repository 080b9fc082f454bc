#pragma once
// Bytes of a stream between two offsets, in order, in memory.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace rouse::exec {

/// Costs what it holds, and little more however small the pieces were. Pure.
class KeptBytes {
public:
    void append(std::string_view bytes);
    /// Forgets what lies before `offset`, which is at most next().
    void drop_before(std::uint64_t offset);

    /// Bytes from `offset` on, as many as lie in one piece; empty at next(). `offset` is not before
    /// oldest(). Valid until the next change.
    [[nodiscard]] std::string_view from(std::uint64_t offset) const;
    /// All of them.
    [[nodiscard]] std::string all() const;

    [[nodiscard]] std::uint64_t oldest() const { return oldest_; }
    [[nodiscard]] std::uint64_t next() const { return next_; }
    [[nodiscard]] std::size_t size() const { return next_ - oldest_; }

private:
    struct Piece {
        std::uint64_t begin = 0;
        std::string bytes;
    };

    std::deque<Piece> pieces_;
    std::uint64_t oldest_ = 0;
    std::uint64_t next_ = 0;
};

} // namespace rouse::exec
