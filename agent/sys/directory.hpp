#pragma once
// What a directory of the kernel's own file systems (proc, sysfs, cgroup2) lists. std::filesystem
// would say it, too, and brings 200 KiB of locales into the static binary.

#include "agent/sys/result.hpp"

#include <string>
#include <vector>

namespace rouse::sys {

/// The names in `path` in the kernel's order, without "." and "..". Entries that come or go
/// meanwhile may be missing. Errors: those of opendir(3) and readdir(3). Source: readdir(3).
Result<std::vector<std::string>> list_directory(const std::string& path);

} // namespace rouse::sys
