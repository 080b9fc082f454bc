#pragma once
// How long ago something was, for documents.

#include <chrono>
#include <cstdint>

namespace rouse::sys {

inline std::uint64_t milliseconds_since(std::chrono::steady_clock::time_point start) {
    const auto passed = std::chrono::steady_clock::now() - start;
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
}

} // namespace rouse::sys
