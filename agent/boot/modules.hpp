#pragma once
// Kernel modules that the image asks for.

#include "agent/boot/report.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

inline constexpr const char* modules_file = "/etc/rouse/modules";

/// One module a line, in the order of loading; `#` begins a comment. A name such as "virtio_blk"
/// stays; a path, which has a '/' or ends in .ko, starts at `/`.
std::vector<std::string> parse_module_list(std::string_view text);

/// Loads what the file lists: paths as they are, names with what they depend on. A missing file is
/// an image without modules. Does not wait for devices to appear: whoever needs one waits for it.
Report load_modules(const std::string& file = modules_file);

} // namespace rouse::boot
