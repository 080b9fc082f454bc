#pragma once
// What makes the machine usable by name and by its own address.

#include "agent/boot/report.hpp"

#include <string>

namespace rouse::boot {

/// Brings the loopback interface up and sets the hostname; an empty one takes /etc/hostname, and
/// without that file stays what the kernel has. No failure is fatal.
Report set_up_identity(const std::string& hostname,
                       const std::string& hostname_file = "/etc/hostname");

} // namespace rouse::boot
