#pragma once
// A program of the host that runs in a guest.

#include "initramfs/image.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rouse::bench {

/// The files of an image that make `program` of the host run there as `destination`: itself, and
/// where it is not static its libraries, at the paths that they have here, since the guest's loader
/// looks where the host's does.
/// Errors: std::runtime_error when ldd(1) fails or a library is not found.
[[nodiscard]] std::vector<initramfs::ExtraFile> guest_program(const std::filesystem::path& program,
                                                              const std::string& destination);

} // namespace rouse::bench
