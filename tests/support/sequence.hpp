#pragma once
// A sequence of bytes in which every byte depends on its offset and its stream: what is lost,
// doubled, swapped or sent to the wrong stream shows. The payload writes it, the tests compare it.

#include <cstddef>
#include <cstdint>
#include <span>

namespace rouse::test {

/// The eight bytes at offset 8 × `index` of `stream`, the lowest one first.
/// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (SplitMix64).
constexpr std::uint64_t sequence_word(std::uint64_t stream, std::uint64_t index) {
    std::uint64_t word = (index + (stream << 56U) + 1) * 0x9e3779b97f4a7c15U;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31U);
}

/// The byte at `offset` of `stream`.
constexpr char sequence_byte(std::uint64_t stream, std::uint64_t offset) {
    return static_cast<char>((sequence_word(stream, offset / 8) >> (8 * (offset % 8))) & 0xffU);
}

/// Fills `out` with the bytes of `stream` from `offset` on.
inline void fill_sequence(std::uint64_t stream, std::uint64_t offset, std::span<char> out) {
    std::size_t done = 0;
    while (done < out.size()) {
        std::uint64_t word = sequence_word(stream, offset / 8) >> (8 * (offset % 8));
        for (std::uint64_t left = 8 - offset % 8; left > 0 && done < out.size(); --left) {
            out[done++] = static_cast<char>(word & 0xffU);
            word >>= 8U;
            ++offset;
        }
    }
}

/// Length of a line, the newline included.
constexpr std::uint64_t line_length = 80;

/// Fills `out` with lines of letters from `offset` on: text, as most workloads write it.
inline void fill_lines(std::uint64_t offset, std::span<char> out) {
    for (char& byte : out) {
        const std::uint64_t letter = sequence_word(1, offset) % 26;
        byte = offset % line_length == line_length - 1 ? '\n' : static_cast<char>('a' + letter);
        ++offset;
    }
}

/// How many bytes from the front of `bytes` are those of `stream` from `offset` on.
inline std::size_t matching_sequence(std::uint64_t stream, std::uint64_t offset,
                                     std::span<const char> bytes) {
    std::size_t same = 0;
    while (same < bytes.size()) {
        std::uint64_t word = sequence_word(stream, offset / 8) >> (8 * (offset % 8));
        for (std::uint64_t left = 8 - offset % 8; left > 0 && same < bytes.size(); --left) {
            if (bytes[same] != static_cast<char>(word & 0xffU)) return same;
            ++same;
            word >>= 8U;
            ++offset;
        }
    }
    return same;
}

} // namespace rouse::test
