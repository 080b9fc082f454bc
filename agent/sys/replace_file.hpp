#pragma once
// Small files that say who this machine is, given new contents wherever they are.

#include "agent/sys/result.hpp"

#include <stop_token>
#include <string>

#include <sys/types.h>

namespace rouse::sys {

/// How a file got its contents.
enum class Replaced {
    renamed, ///< as a whole: nobody ever saw half of it
    written, ///< in place, since it is mounted itself, or behind a link
    covered, ///< the file system is read-only: another file is mounted over it
};

/// Where the files are that cover others.
inline constexpr const char* cover_directory = "/run/rouse/etc";

/// Gives the file at `path` (absolute) these contents and this mode, and makes it where it is not
/// there, its directory included. A symbolic link is replaced by a file. Where the file system is
/// read-only, a file in `covers`, which can be written, is mounted over it, and written in place
/// from then on; a link is followed then, and the file that it leads to is made
/// with its directories. Blocks as long as the disk does; nothing is replaced once
/// `stop` asks for it. Errors: ENOENT for a file that would have to be made on a read-only file
/// system; ECANCELED; those of open(2), write(2), rename(2), mount(2).
Result<Replaced> replace_file(const std::string& path, const std::string& contents, mode_t mode,
                              const std::stop_token& stop,
                              const std::string& covers = cover_directory);

} // namespace rouse::sys
