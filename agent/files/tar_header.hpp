#pragma once
// The block of 512 bytes that begins each member of a tar archive. No I/O. Source: POSIX.1-2017,
// pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".

#include "proto/problem.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rouse::files {

inline constexpr std::size_t tar_block = 512;
using TarBlock = std::array<char, tar_block>;

/// The fields of a header as they are in the block.
struct TarHeader {
    std::string name; ///< prefix and name together
    char type = '0';
    std::uint64_t size = 0; ///< below 2⁶³
    std::uint32_t mode = 0;
    std::uint64_t uid = 0;
    std::uint64_t gid = 0;
    std::int64_t mtime = 0;
    std::string link;

    friend bool operator==(const TarHeader&, const TarHeader&) = default;
};

/// Reads a header of ustar, GNU tar or V7. Numbers may be octal or, GNU tar's way, binary. A
/// problem names the member: a wrong checksum, a number that is none, is negative or too large.
proto::Parsed<TarHeader> decode_header(const TarBlock& bytes);

/// Whether every field has room in a block; what has none goes into a pax header.
struct HeaderRoom {
    bool name = false;
    bool link = false;
    bool size = false;
    bool uid = false;
    bool gid = false;
    bool mtime = false;
};
HeaderRoom room_for(const TarHeader& header);

/// The block, as ustar. A field without room is cut (a name) or zero (a number).
TarBlock encode_header(const TarHeader& header);

/// A number of a header: octal digits or binary. Errors: malformed, or outside of 64 bits with a
/// sign. `what` names it in the problem.
proto::Parsed<std::int64_t> decode_number(std::string_view field, std::string_view what);

/// Whether the block holds nothing but zeros: the mark of the archive's end.
bool is_zero(const TarBlock& bytes);

/// `size` up to the next multiple of a block.
constexpr std::uint64_t padding_after(std::uint64_t size) {
    return (tar_block - size % tar_block) % tar_block;
}

} // namespace rouse::files
