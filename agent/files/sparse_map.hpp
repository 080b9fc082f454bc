#pragma once
// Where the data of a sparse file are, in the forms that archives have for it. No I/O. Source: GNU
// tar manual, "Storing Sparse Files".

#include "agent/files/tar_entry.hpp"
#include "agent/files/tar_header.hpp"
#include "proto/problem.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::files {

using SparseMap = std::vector<Extent>;

/// Of an archive with more of them nothing is read; of a file with more of them the rest is data.
inline constexpr std::size_t most_extents = 65536;
/// And one that says where the file ends.
inline constexpr std::size_t most_map_entries = most_extents + 1;

/// A problem unless the extents are in ascending order, do not overlap, lie within `size`, and have
/// `stored` bytes together. Empty ones are removed.
proto::Parsed<void> check_map(SparseMap& map, std::uint64_t size, std::uint64_t stored);

/// Version 1.0: decimal numbers, one a line, before the data: how many extents, then offset and
/// length of each. A hole at the end of the file is followed by an empty extent, which makes GNU
/// tar give the file its size. Padded to whole blocks.
std::string encode_map(const SparseMap& map, std::uint64_t size);

/// Reads what encode_map() wrote, block after block.
class SparseMapDecoder {
public:
    /// Takes the next block. A problem when it is malformed or has too many extents.
    proto::Parsed<void> feed(const TarBlock& bytes);
    [[nodiscard]] bool complete() const { return numbers_ > 0 && map_.size() == wanted_; }
    [[nodiscard]] SparseMap& map() { return map_; }

private:
    proto::Parsed<void> take(std::string_view number);

    std::string line_; ///< of a number that is not complete yet
    std::uint64_t wanted_ = 0;
    std::uint64_t numbers_ = 0;
    std::uint64_t offset_ = 0;
    SparseMap map_;
};

/// Version 0.1: "offset,length,offset,length".
proto::Parsed<SparseMap> parse_map_record(std::string_view text);

/// The form before pax: extents in the header and in blocks behind it. Appends those of the
/// header; says whether a block with more follows.
proto::Parsed<bool> read_old_header(const TarBlock& header, SparseMap& map);
/// The size of the file, from the same header.
proto::Parsed<std::uint64_t> old_real_size(const TarBlock& header);
/// Appends those of a block behind the header; says whether another one follows.
proto::Parsed<bool> read_old_extension(const TarBlock& bytes, SparseMap& map);

} // namespace rouse::files
