// The vsock device of a machine without KVM: the vhost-device-vsock daemon.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/qemu.hpp"
#include "tools/lab/qmp.hpp"

#include <cstdint>

namespace rouse::lab {

/// Starts a daemon for one guest and waits until it listens on both of its sockets. It serves one
/// connection of QEMU and then has to be replaced: a second one is answered with an error.
/// Errors: LabError with the daemon's own words.
[[nodiscard]] Process start_vsock_device(const MachineFiles& files, std::uint32_t cid,
                                         Deadline deadline);

/// Waits until the guest's driver has started the device, or `deadline`: then others find out that
/// the guest does not answer. Nobody may dial before. A connection that comes while the rings are
/// being set up makes the daemon's only worker end without a word, and the device never moves
/// again; seen in one of ten restores with vhost-device-vsock 0.3.
void await_vsock_driver(Qmp& control, Deadline deadline);

} // namespace rouse::lab
