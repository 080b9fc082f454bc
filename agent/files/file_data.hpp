#pragma once
// The data of a file: where they are between its holes, and their way into an archive.

#include "agent/files/failure.hpp"
#include "agent/files/sparse_map.hpp"
#include "agent/files/tar_writer.hpp"

#include <optional>

#include <sys/stat.h>

namespace rouse::files {

/// Where the data of an open file of `size` bytes are; nothing when it has no holes, or when its
/// file system does not tell. Moves the offset of the descriptor. Source: lseek(2), SEEK_HOLE.
std::optional<SparseMap> find_data(int fd, const struct stat& status);

/// How a file has changed while it was read.
enum class Change { none, shrank, grew };

/// Writes the data of the member that was begun. What a file has no more is written as zeros.
/// Errors: those of reading, with `path`; those of the writer.
Outcome<Change> copy_data(int fd, const TarEntry& entry, TarWriter& writer);

} // namespace rouse::files
