#pragma once
// Files of this machine as tar archives, both ways, by libarchive.

#include "tools/host/async.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace rouse::host {

/// Takes bytes of an archive. False: no more is wanted.
using ArchiveSink = std::function<bool(std::string_view bytes)>;
/// The next bytes of an archive; empty at its end.
using ArchiveSource = std::function<Outcome<std::string>()>;

struct PackOptions {
    std::string name;         ///< of the entry at the top; "." for the contents of a directory
    bool follow_path = false; ///< what `path` leads to, where it is a link
    bool keep_owner = false;  ///< uid and gid of this machine; else root's
};

/// Packs a file, or a directory with all below it, as pax. Sockets are left out. Returns early, and
/// without a failure, when the sink wants no more. Fails with the file and the reason.
Outcome<> pack_files(const std::filesystem::path& path, const PackOptions& options,
                     const ArchiveSink& sink);

/// Unpacks below an existing directory, never outside of it: absolute names, `..` and links that
/// lead out are refused, devices too. `keep_owner`: uid and gid of the archive, for root. Fails
/// with the entry and the reason. Changes the working directory.
enum class Owner { ours, of_archive };
Outcome<> unpack_files(const std::filesystem::path& directory, Owner owner,
                       const ArchiveSource& source);

} // namespace rouse::host
