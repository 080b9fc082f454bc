#pragma once
// Swap areas.

#include "agent/sys/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::sys {

/// Swaps to a device or file that mkswap(8) made; a higher `priority`, 0 to 32767, is used first.
/// Errors: EINVAL when there is no swap area on it; EBUSY when it is in use; EPERM. Source:
/// swapon(2).
Result<> swap_on(const std::string& path, std::optional<int> priority);

/// Brings everything back that was swapped there, for as long as it takes. Errors: EINVAL when it
/// is no area in use; ENOMEM when there is no room. Source: swapoff(2).
Result<> swap_off(const std::string& path);

struct SwapArea {
    std::string path;
    int priority = 0;

    friend bool operator==(const SwapArea&, const SwapArea&) = default;
};

/// What is swapped to now; nothing on a kernel without swap. Source: proc(5), /proc/swaps.
Result<std::vector<SwapArea>> swap_areas();

/// Reads the text of /proc/swaps.
std::vector<SwapArea> parse_swaps(std::string_view text);

} // namespace rouse::sys
