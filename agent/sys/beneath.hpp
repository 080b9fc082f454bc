#pragma once
// Opening files below a directory without ever leaving it, whatever links or renames say.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace rouse::sys {

/// What a path may lead through.
enum class Within {
    beneath,  ///< symbolic links too, as long as they stay below the directory
    root,     ///< the directory is what `/` and `..` end at; right only where it is `/` itself
    no_links, ///< no symbolic link at all
};

/// Opens `path`, relative to `directory`, close-on-exec, and never a file outside of it, nor one of
/// the magic links of /proc. Borrows `directory`. `mode` counts when a file is created.
/// Errors: EXDEV when the path leads outside; ELOOP at a link that may not be; ENOSYS before Linux
/// 5.6; those of open(2). Source: openat2(2).
Result<UniqueFd> open_within(int directory, const std::string& path, int flags, Within within,
                             mode_t mode = 0);

/// "/proc/self/fd/N": a way to the very file of a descriptor, also of one that was opened with
/// O_PATH. Source: proc(5), open(2) under O_PATH.
std::string descriptor_path(int fd);

} // namespace rouse::sys
