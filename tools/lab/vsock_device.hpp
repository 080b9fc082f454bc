// The vsock device of a machine without KVM: the vhost-device-vsock daemon.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"

#include <cstdint>

namespace rouse::lab {

/// Starts a daemon for one guest and waits until it listens on both of its sockets. It serves one
/// connection of QEMU and then has to be replaced: a second one is answered with an error.
/// Errors: LabError with the daemon's own words.
[[nodiscard]] Process start_vsock_device(const MachineFiles& files, std::uint32_t cid,
                                         Deadline deadline);

} // namespace rouse::lab
