// A program of the host that runs in a guest.
#pragma once

#include "initramfs/image.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rouse::lab {

/// The files of an image that make `program` of the host run there as `destination`: itself, and
/// where it is not static its libraries, at the paths that they have here, since the guest's loader
/// looks where the host's does.
/// Errors: std::runtime_error when ldd(1) fails or a library is not found.
[[nodiscard]] std::vector<initramfs::ExtraFile> guest_program(const std::filesystem::path& program,
                                                              const std::string& destination);

/// The files that ldd(1) names in its output, the dynamic loader among them, in that order; none
/// for a static program. The kernel's own vDSO is no file.
/// Errors: std::runtime_error that quotes the line of a library that is not found.
[[nodiscard]] std::vector<std::filesystem::path> parse_libraries(const std::string& ldd_output);

} // namespace rouse::lab
