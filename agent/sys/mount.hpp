#pragma once
// Mounts, and the directories and links that stand where they go.

#include "agent/sys/result.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rouse::sys {

struct Mount {
    std::string source;
    std::string target;
    std::string type;
    unsigned long flags = 0; ///< MS_*
    std::string data;
};

/// Errors: EBUSY when it is mounted already; ENODEV for a file system the kernel lacks; EPERM;
/// those of the target. Source: mount(2).
Result<> mount(const Mount& what);

/// Errors: EBUSY while anything uses it. Source: umount(2).
Result<> unmount(const std::string& target);

/// Lets no further write reach the file system. Errors: EBUSY while a file is open for writing.
Result<> remount_read_only(const std::string& target);

/// What is mounted now, in the order of mounting. Source: proc(5), /proc/[pid]/mounts.
Result<std::vector<Mount>> current_mounts();

/// Reads the text of /proc/self/mounts: source, target and type; blanks are octal escapes there.
std::vector<Mount> parse_mounts(std::string_view text);

/// A field of that file: "\\040" there is a blank, three octal digits for one byte.
std::string unescape_mount_field(std::string_view text);

/// Makes the directory; one that exists is fine. Errors: those of mkdir(2).
Result<> make_directory(const std::string& path, mode_t mode);

/// Makes the directory and those above it, each with this mode as far as the umask leaves it; what
/// exists is fine. The path is absolute. Errors: those of mkdir(2).
Result<> make_directories(const std::string& path, mode_t mode);

/// Makes a symbolic link at `path`; anything that exists there is left alone and is fine.
Result<> make_symlink(const std::string& target, const std::string& path);

/// Waits until everything written is on its disk. Blocks as long as the slowest disk does.
void sync_all();

} // namespace rouse::sys
