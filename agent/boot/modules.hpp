#pragma once
// Kernel modules that the image asks for.

#include "agent/boot/report.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

inline constexpr const char* modules_file = "/etc/rouse/modules";

/// One path a line, in the order of loading; `#` begins a comment, a relative path starts at `/`.
std::vector<std::string> parse_module_list(std::string_view text);

/// Loads what the file lists. A missing file is an image without modules. Does not wait for devices
/// to appear: whoever needs one tries again.
Report load_modules(const std::string& file = modules_file);

} // namespace rouse::boot
