#pragma once
// Unpacks a tar archive below a directory, and nowhere else. Blocks: it runs in a process of its
// own.

#include "agent/files/create.hpp"
#include "agent/files/failure.hpp"
#include "agent/files/place.hpp"
#include "agent/files/tar_reader.hpp"

namespace rouse::files {

/// Unpacks the whole archive and reads it to its end. The archive is hostile, and so may be others
/// who change the tree meanwhile: every name is opened by openat2(2) beneath the root, and a file
/// comes into being under a name of its own before it is renamed to its place.
///
/// Refused, by the member's name: absolute names and `..`, names that a symbolic link leads
/// outside, hard links to outside or to nothing, device nodes. A directory never takes the place of
/// something else, nor the other way round; any other file is replaced. Directories that are
/// missing on the way are made with mode 0755. Owner (as root), mode and time are set; those of
/// directories last. What was unpacked before a failure stays.
/// `warn` may be told of directories that others moved away before they were complete.
Outcome<Tally> extract(const Destination& destination, TarReader& reader, const OnWarning& warn);

} // namespace rouse::files
