#pragma once
// Names and limits of this machine.

#include "agent/sys/result.hpp"

#include <cstdint>
#include <string>

namespace rouse::sys {

/// Errors: EINVAL above 64 bytes, EPERM. Source: sethostname(2).
Result<> set_hostname(const std::string& name);

/// The machine's name. Source: uname(2).
std::string hostname();

/// Such as "6.1.0-28-cloud-amd64". Source: uname(2).
std::string kernel_release();

/// Such as "x86_64". Source: uname(2).
std::string machine_architecture();

/// What an agent asks for: more than its limits on connections and sessions can need.
constexpr std::uint64_t open_files_wanted = 1U << 20U;

/// Lets this process open `wanted` descriptors, or as many as its hard limit allows without the
/// privilege to raise it; returns how many. Source: getrlimit(2), RLIMIT_NOFILE.
Result<std::uint64_t> raise_open_files(std::uint64_t wanted);

/// The CID of this machine now; a restore may change it. Errors: those of opening /dev/vsock;
/// ENODEV while there is no transport to the host. Source: vsock(7),
/// IOCTL_VM_SOCKETS_GET_LOCAL_CID.
Result<std::uint32_t> local_cid();

} // namespace rouse::sys
