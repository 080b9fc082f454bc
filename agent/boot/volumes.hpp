#pragma once
// File systems and swap areas beside the root.

#include "agent/boot/report.hpp"
#include "proto/storage_config.hpp"

#include <vector>

namespace rouse::boot {

/// Mounts the volumes in their order. One that cannot be mounted is fatal unless it is optional,
/// since the workload would write to where nothing is kept. Blocks as long as devices take to
/// appear.
Report mount_volumes(const std::vector<proto::VolumeConfig>& volumes);

/// Switches the swap areas on. None of them is fatal: the guest then has less memory. Files have to
/// be mounted before. Blocks as long as devices take to appear.
Report enable_swap(const std::vector<proto::SwapConfig>& swap);

} // namespace rouse::boot
