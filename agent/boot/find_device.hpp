#pragma once
// The block device that a configuration means, waited for when it comes late.

#include "agent/sys/block_device.hpp"
#include "proto/storage_config.hpp"

#include <chrono>
#include <string>

namespace rouse::boot {

/// Where devices are looked for.
struct DevicePlaces {
    std::string classes = "/sys/class/block";
    std::string devices = "/dev";
};

/// Whether the device is the one that `name` means. UUIDs are compared without regard to case.
bool is_meant(const proto::DeviceName& name, const sys::BlockDevice& device,
              const sys::DeviceContent& content);

struct DeviceSearch {
    std::string path; ///< of the device; empty when it was not found
    std::string why;  ///< it was not found: what was waited for, and what is there instead
};

/// Finds the device, the first by name when several are meant. One that is not there yet is waited
/// for by the kernel's events, for at most `wait`; a path outside the directory of devices is not
/// waited for. Blocks.
DeviceSearch find_device(const proto::DeviceName& name, std::chrono::milliseconds wait,
                         const DevicePlaces& places = {});

} // namespace rouse::boot
