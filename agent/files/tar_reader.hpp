#pragma once
// Takes a tar archive apart as it comes: ustar, pax, GNU tar with long names and sparse files, V7.

#include "agent/files/pax.hpp"
#include "agent/files/sparse_map.hpp"
#include "agent/files/tar_entry.hpp"
#include "agent/files/tar_header.hpp"
#include "agent/sys/result.hpp"
#include "proto/problem.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>

namespace rouse::files {

/// Gives the next bytes, at least one; 0: there are no more.
using ByteSource = std::function<sys::Result<std::size_t>(std::span<char> buffer)>;

/// An archive is hostile: everything is checked before it is believed or allocated. After a problem
/// nothing more can be read. At most 64 KiB of extended headers before a member, at most
/// most_extents pieces of a sparse file.
class TarReader {
public:
    explicit TarReader(ByteSource source) : source_(std::move(source)) {}

    /// The next member; what was not read of the one before is skipped. Nothing at the mark of the
    /// archive's end. A problem names the member, or "archive": bytes that are missing, the mark
    /// included, and whatever is malformed.
    proto::Parsed<std::optional<TarEntry>> next();

    /// Data of the member, its holes left out; 0 at their end. `buffer` must not be empty.
    proto::Parsed<std::size_t> read(std::span<char> buffer);

private:
    /// What came before a member and is about it.
    struct Extensions {
        PaxRecords records;
        std::string name; ///< GNU tar's
        std::string link;
        std::size_t bytes = 0;
    };

    proto::Parsed<void> fill(std::span<char> buffer);
    proto::Parsed<TarBlock> block();
    proto::Parsed<void> skip(std::uint64_t count);
    proto::Parsed<void> finish_member();
    /// Whether the header was an extension; then it was taken.
    proto::Parsed<bool> take_extension(const TarHeader& header, Extensions& extensions);
    proto::Parsed<std::string> payload(const TarHeader& header, Extensions& extensions);
    proto::Parsed<TarEntry> member(const TarBlock& bytes, TarHeader header, Extensions extensions);
    proto::Parsed<void> read_sparse(const TarBlock& bytes, const TarHeader& header,
                                    const PaxRecords& records, TarEntry& entry);
    /// Whether it is a sparse file; then its size and map were read.
    proto::Parsed<bool> read_pax_map(const PaxRecords& records, TarEntry& entry, SparseMap& map);
    proto::Parsed<bool> read_old_map(const TarBlock& bytes, TarEntry& entry, SparseMap& map);
    proto::Parsed<void> read_map_blocks(SparseMap& map);

    ByteSource source_;
    PaxRecords global_;
    std::string current_ = "archive"; ///< what problems name
    std::uint64_t left_ = 0;          ///< bytes of data that are still to come
    std::uint64_t padding_ = 0;       ///< behind them
    bool ended_ = false;
};

} // namespace rouse::files
