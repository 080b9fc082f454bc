#pragma once
// Packs a file, with all that is below it, into a tar archive. Blocks: it runs in a process of its
// own.

#include "agent/files/failure.hpp"
#include "agent/files/place.hpp"
#include "agent/files/tar_writer.hpp"

#include <cstdint>

namespace rouse::files {

/// What went into an archive, or came out of one.
struct Tally {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0; ///< of files, without their holes
};

/// Writes the whole archive. Files, directories, symbolic links (as links), hard links and fifos
/// with owner, mode and time to the nanosecond; holes stay holes. Devices, sockets and the contents
/// of the kernel's own file systems are left out with a warning, as are files that vanish. A file
/// that changes its size while it is read is cut or padded with zeros, with a warning.
/// Never opens anything but what is below the source: each name by itself, links never followed.
/// Errors: what cannot be read, named by its path in the archive; those of the writer.
Outcome<Tally> create(const Source& source, TarWriter& writer, const OnWarning& warn);

} // namespace rouse::files
