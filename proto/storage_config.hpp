#pragma once
// What the configuration says about disks: the root file system, volumes and swap.

#include "proto/fields.hpp"
#include "proto/limits.hpp"

namespace rouse::proto {

/// How a block device is named.
enum class DeviceKey { path, label, uuid, part_uuid, serial };

struct DeviceName {
    DeviceKey key = DeviceKey::path;
    std::string value; ///< "/dev/vda", or what stands behind LABEL=, UUID=, PARTUUID=, SERIAL=

    friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

/// Reads "/dev/vda", "LABEL=x", "UUID=x", "PARTUUID=x" or "SERIAL=x"; nothing when it is none.
std::optional<DeviceName> parse_device_name(std::string_view text);

/// The file system that an initramfs goes on with.
struct RootConfig {
    std::string source = {};  ///< a device, or the tag of virtiofs and 9p; empty: the root stays
    std::string type = {};    ///< empty: what the device says
    std::string options = {}; ///< as mount(8) takes them, with commas between
    bool read_only = false;
    /// Where what is written goes instead: "tmpfs", or a device; empty: to the root itself.
    std::string overlay = {};
    std::string overlay_options = {}; ///< of the mount of `overlay`
    std::chrono::milliseconds wait = limits::device_wait;

    friend bool operator==(const RootConfig&, const RootConfig&) = default;
};

/// One more file system.
struct VolumeConfig {
    std::string source = {}; ///< a device, a tag, or the directory of a bind; tmpfs needs none
    std::string target = {}; ///< the mount point, which is made where it is not there
    std::string type = {}; ///< "tmpfs", "virtiofs", "9p", "bind", or a block device's; empty: what
                           ///< the device says
    std::string options = {};
    bool read_only = false;
    bool optional = false; ///< without it the guest goes on
    std::chrono::milliseconds wait = limits::device_wait;

    friend bool operator==(const VolumeConfig&, const VolumeConfig&) = default;
};

struct SwapConfig {
    std::string source = {}; ///< a device or a file
    std::optional<std::uint64_t> priority = {};
    std::chrono::milliseconds wait = limits::device_wait;

    friend bool operator==(const SwapConfig&, const SwapConfig&) = default;
};

/// Whether the type names a file system that has no block device beneath it.
bool is_tagged_type(std::string_view type);

/// Read the members `root`, `volumes` and `swap` where they are there. Lists replace what was
/// there; members of `root` are read on top of it.
void read_root(Fields& fields, RootConfig& root);
void read_volumes(Fields& fields, std::vector<VolumeConfig>& volumes);
void read_swap(Fields& fields, std::vector<SwapConfig>& swap);

} // namespace rouse::proto
