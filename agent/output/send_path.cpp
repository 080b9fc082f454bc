#include "agent/output/send_path.hpp"

#include <charconv>
#include <system_error>
#include <utility>

namespace rouse::output {

std::string_view name(SendPath path) {
    return path == SendPath::splice ? "splice" : "copy";
}

SendPath suitable_send_path(std::string_view kernel_release) {
    constexpr std::pair<int, int> first_with_whole_packets{6, 5};
    const char* const end = kernel_release.data() + kernel_release.size();
    std::pair<int, int> version;
    const auto major = std::from_chars(kernel_release.data(), end, version.first);
    if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return SendPath::splice;
    const auto minor = std::from_chars(major.ptr + 1, end, version.second);
    if (minor.ec != std::errc()) return SendPath::splice;
    return version < first_with_whole_packets ? SendPath::copy : SendPath::splice;
}

} // namespace rouse::output
