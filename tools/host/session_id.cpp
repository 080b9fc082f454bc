#include "tools/host/session_id.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace rouse::host {

std::string new_session_id() {
    std::random_device source; // getrandom(2), or the processor's generator
    const std::uint64_t high = source();
    const std::uint64_t low = source();
    return fmt::format("{:08x}{:08x}", high & UINT32_MAX, low & UINT32_MAX);
}

} // namespace rouse::host
