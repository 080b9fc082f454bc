#pragma once
// The block devices of this machine, and what is on them.

#include "agent/sys/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace rouse::sys {

struct BlockDevice {
    std::string name;   ///< "vda1"
    std::string path;   ///< "/dev/vda1"
    std::string serial; ///< of the disk, as its host named it; empty for a partition or without one
    std::uint64_t sectors = 0; ///< of 512 bytes; 0 for an empty loop device or drive

    friend bool operator==(const BlockDevice&, const BlockDevice&) = default;
};

/// All of them, sorted by name. `classes` and `devices` stand for /sys/class/block and /dev.
/// Errors: those of reading the directory. Source: kernel, ABI/stable/sysfs-block.
Result<std::vector<BlockDevice>> block_devices(const std::string& classes = "/sys/class/block",
                                               const std::string& devices = "/dev");

/// What a device says about itself; what it does not say is empty.
struct DeviceContent {
    std::string type; ///< "ext4", "swap", …
    std::string label;
    std::string uuid;
    std::string part_uuid; ///< of the partition, from the table that it is in

    friend bool operator==(const DeviceContent&, const DeviceContent&) = default;
};

/// Looks at the device by libblkid. Errors: those of open(2); EIO when it cannot be read; EUCLEAN
/// when it holds traces of several file systems, so that nobody can say which one is meant.
Result<DeviceContent> device_content(const std::string& device);

} // namespace rouse::sys
