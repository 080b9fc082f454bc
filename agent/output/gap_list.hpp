#pragma once
// Where bytes of a stream are missing: ranges of offsets that were written by the workload and are
// not kept. Between them lies what is kept, so this list turns offsets into counts of kept bytes.
// A pure value; ranges are sorted, never empty, never touch.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace rouse::output {

struct Gap {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;

    [[nodiscard]] std::uint64_t end() const { return offset + count; }
    friend bool operator==(const Gap&, const Gap&) = default;
};

class GapList {
public:
    /// `count` bytes from `offset` on are missing; nothing behind `offset` is in the list yet. A
    /// gap that ends there grows.
    void append(std::uint64_t offset, std::uint64_t count);

    /// `count` bytes from `offset` on are missing; nothing before their end is in the list.
    void prepend(std::uint64_t offset, std::uint64_t count);

    /// The `bytes` kept bytes that follow `oldest` are missing, too. Returns the gap at `oldest`
    /// that they and every gap among them have become.
    Gap swallow(std::uint64_t oldest, std::uint64_t bytes);

    /// Nothing before `offset` matters any more.
    void forget_before(std::uint64_t offset);

    /// How many bytes of [from, to) are missing.
    [[nodiscard]] std::uint64_t missing(std::uint64_t from, std::uint64_t to) const;

    /// What is missing from exactly `offset` on: the rest of the gap that `offset` lies in.
    [[nodiscard]] std::optional<Gap> at(std::uint64_t offset) const;

    /// Where the next gap behind `offset` begins, or `otherwise`.
    [[nodiscard]] std::uint64_t next_after(std::uint64_t offset, std::uint64_t otherwise) const;

    [[nodiscard]] std::size_t size() const { return gaps_.size(); }
    /// The gap at place `index`, less than size().
    [[nodiscard]] const Gap& nth(std::size_t index) const { return gaps_[index]; }

private:
    std::deque<Gap> gaps_;
};

} // namespace rouse::output
