#pragma once
// Words of a kernel command line.

#include <string>
#include <string_view>
#include <vector>

namespace rouse::proto {

struct KernelParameter {
    std::string key;
    std::string value; ///< empty for a bare word

    friend bool operator==(const KernelParameter&, const KernelParameter&) = default;
};

/// Splits as the kernel does: blanks separate, double quotes hold blanks together and are removed
/// (kernel: lib/cmdline.c, next_arg).
std::vector<KernelParameter> split_kernel_command_line(std::string_view line);

/// Splits one text into words; double quotes and single quotes hold blanks together.
std::vector<std::string> split_words(std::string_view text);

} // namespace rouse::proto
