#pragma once
// The context id under which the vsock device knows this VM.

#include "agent/sys/result.hpp"

#include <cstdint>
#include <string>

namespace rouse::sys {

/// The CID now: the kernel reads it anew when the device says that it was reset. Opens `device` for
/// the moment. Errors: those of open(2), ENOENT without vsock; ENODEV while no device is there.
/// Source: vsock(7), IOCTL_VM_SOCKETS_GET_LOCAL_CID.
Result<std::uint32_t> local_cid(const std::string& device = "/dev/vsock");

} // namespace rouse::sys
