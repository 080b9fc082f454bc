#pragma once
// Settings of the kernel.

#include "agent/boot/report.hpp"

#include <map>
#include <string>
#include <string_view>

namespace rouse::boot {

/// The interface that a setting belongs to ("net.ipv4.conf.eth0.rp_filter"); empty for one of the
/// machine, which those of all interfaces and of new ones are.
std::string interface_of_sysctl(std::string_view name);

/// Writes each setting that belongs to `interface`, or to none for an empty one, to its file below
/// `root`. Goes on after an error. Those of an interface can be set once it is there.
Report set_sysctls(const std::map<std::string, std::string>& sysctls,
                   const std::string& interface = {}, const std::string& root = "/proc/sys");

} // namespace rouse::boot
