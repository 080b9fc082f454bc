#include "agent/sys/swap.hpp"

#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <charconv>

#include <sys/swap.h>

namespace rouse::sys {

Result<> swap_on(const std::string& path, std::optional<int> priority) {
    const int flags =
        priority ? SWAP_FLAG_PREFER | ((*priority << SWAP_FLAG_PRIO_SHIFT) & SWAP_FLAG_PRIO_MASK)
                 : 0;
    if (::swapon(path.c_str(), flags) < 0) return last_error();
    return {};
}

Result<> swap_off(const std::string& path) {
    if (::swapoff(path.c_str()) < 0) return last_error();
    return {};
}

Result<std::vector<SwapArea>> swap_areas() {
    const Result<std::string> text = read_file("/proc/swaps");
    if (!text && text.error() == error_from(ENOENT)) return std::vector<SwapArea>();
    if (!text) return text.error();
    return parse_swaps(*text);
}

std::vector<SwapArea> parse_swaps(std::string_view text) {
    std::vector<SwapArea> areas;
    (void)proto::split_off(text, '\n'); // the names of the columns
    while (!text.empty()) {
        const std::string_view line = proto::split_off(text, '\n');
        const std::size_t end = line.find_first_of(" \t");
        const std::size_t last = line.find_last_of(" \t");
        if (end == std::string_view::npos || end == 0) continue;
        SwapArea area{.path = unescape_mount_field(line.substr(0, end)), .priority = 0};
        const std::string_view number = line.substr(last + 1);
        (void)std::from_chars(number.data(), number.data() + number.size(), area.priority);
        areas.push_back(std::move(area));
    }
    return areas;
}

} // namespace rouse::sys
