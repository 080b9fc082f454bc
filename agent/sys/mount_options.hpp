#pragma once
// The options of a mount, as fstab(5) and mount(8) write them.

#include <string>
#include <string_view>

namespace rouse::sys {

struct MountOptions {
    unsigned long flags = 0; ///< MS_*
    std::string data;        ///< what the file system itself is told

    friend bool operator==(const MountOptions&, const MountOptions&) = default;
};

/// Splits "ro,noatime,size=1m" into what the kernel knows for every file system and what only this
/// one does; later words win. "defaults" says nothing. Source: mount(8), FILESYSTEM-INDEPENDENT
/// MOUNT OPTIONS.
MountOptions parse_mount_options(std::string_view text);

} // namespace rouse::sys
