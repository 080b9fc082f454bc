#pragma once
// What a program of the host needs beside itself to run where the host's file system is not.

#include <filesystem>
#include <string_view>
#include <vector>

namespace rouse::bench {

/// The files that ldd(1) names in its output, the dynamic loader among them, in that order; none
/// for a static program. The kernel's own vDSO is no file.
/// Errors: std::runtime_error that quotes the line of a library that is not found.
[[nodiscard]] std::vector<std::filesystem::path> parse_libraries(std::string_view ldd_output);

} // namespace rouse::bench
