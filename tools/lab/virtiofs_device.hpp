// Directories of the host that a guest mounts by virtiofs: a daemon each.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/disk.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"

#include <cstddef>

namespace rouse::lab {

/// Starts the daemon of the machine's share number `index` and waits until it listens. It ends with
/// the machine. Errors: LabError with the daemon's own words.
[[nodiscard]] Process start_virtiofs_device(const MachineFiles& files, const Share& share,
                                            std::size_t index, Deadline deadline);

} // namespace rouse::lab
