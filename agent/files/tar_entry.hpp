#pragma once
// One member of a tar archive, as a value that no format shows through.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rouse::files {

enum class EntryType { file, directory, symlink, hard_link, fifo, device };

/// Time since 1970 UTC; before it, `seconds` is negative and `nanoseconds` still counts forwards.
struct EntryTime {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0; ///< below 10⁹

    friend bool operator==(const EntryTime&, const EntryTime&) = default;
};

/// Bytes of a sparse file that are no hole.
struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    friend bool operator==(const Extent&, const Extent&) = default;
};

struct TarEntry {
    std::string name; ///< as the archive has it, without slashes at its end
    EntryType type = EntryType::file;
    std::uint32_t mode = 0; ///< at most 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    EntryTime mtime;
    std::string link;       ///< target of a symbolic link, name of the file of a hard link
    std::uint64_t size = 0; ///< of a file, its holes included
    /// Of a sparse file: its data in ascending order, the rest are holes. None: all of it is data.
    std::optional<std::vector<Extent>> data;

    friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

/// Bytes of data that follow the header: the size without the holes.
std::uint64_t stored_bytes(const TarEntry& entry);

} // namespace rouse::files
