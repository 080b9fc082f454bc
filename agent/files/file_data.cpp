#include "agent/files/file_data.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <unistd.h>

namespace rouse::files {

namespace {

constexpr std::size_t copied_at_once = 64 * 1024;
using Buffer = std::array<char, copied_at_once>;

/// One pread(2), repeated after EINTR.
sys::Result<std::size_t> read_at(int fd, Buffer& buffer, std::size_t wanted, std::uint64_t offset) {
    for (;;) {
        const ssize_t count = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(offset));
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) return sys::last_error();
    }
}

/// Whether all of the extent was there; the rest is zeros.
Outcome<bool> copy_extent(int fd, const Extent& extent, const std::string& path, TarWriter& writer,
                          Buffer& buffer) {
    std::uint64_t done = 0;
    bool whole = true;
    while (done < extent.length) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), extent.length - done));
        std::size_t count = 0;
        if (whole) {
            const sys::Result<std::size_t> read = read_at(fd, buffer, wanted, extent.offset + done);
            if (!read) return Failure(path, read.error());
            count = *read;
        }
        if (count == 0) {
            whole = false;
            count = wanted;
            std::fill_n(buffer.begin(), count, '\0');
        }
        if (const sys::Result<> put = writer.data({buffer.data(), count}); !put)
            return Failure(path, put.error());
        done += count;
    }
    return whole;
}

} // namespace

std::optional<SparseMap> find_data(int fd, const struct stat& status) {
    constexpr std::uint64_t block_unit = 512; // of st_blocks
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (static_cast<std::uint64_t>(status.st_blocks) * block_unit >= size) return std::nullopt;
    SparseMap map;
    std::uint64_t at = 0;
    while (at < size) {
        const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) break; // a hole up to the end
        if (data < 0) return std::nullopt;
        const off_t hole = ::lseek(fd, data, SEEK_HOLE);
        if (hole < 0) return std::nullopt;
        const auto begin = static_cast<std::uint64_t>(data);
        // A file that changes meanwhile may be longer by now.
        const std::uint64_t end = map.size() + 1 == most_extents
                                      ? size
                                      : std::min(static_cast<std::uint64_t>(hole), size);
        if (begin >= end) break;
        map.push_back({.offset = begin, .length = end - begin});
        at = end;
    }
    const bool solid = map.size() == 1 && map.front() == Extent{.offset = 0, .length = size};
    return solid ? std::nullopt : std::optional(std::move(map));
}

Outcome<Change> copy_data(int fd, const TarEntry& entry, TarWriter& writer) {
    const SparseMap map = entry.data ? *entry.data : SparseMap{{.offset = 0, .length = entry.size}};
    const auto buffer = std::make_unique<Buffer>();
    bool whole = true;
    for (const Extent& extent : map) {
        const Outcome<bool> copied = copy_extent(fd, extent, entry.name, writer, *buffer);
        if (!copied) return copied.error();
        whole = whole && *copied;
    }
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Failure(entry.name, sys::last_error());
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (!whole || size < entry.size) return Change::shrank;
    return size > entry.size ? Change::grew : Change::none;
}

} // namespace rouse::files
