#pragma once
// What a started process gets beyond user and directory, as the kernel's numbers.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rouse::sys {

/// One RLIMIT_; RLIM_INFINITY is unlimited. Source: getrlimit(2).
struct Rlimit {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

/// Bit n is capability n. `drop` goes first; what `add` names stays. Source: capabilities(7).
struct CapabilityMasks {
    static constexpr std::uint64_t all = ~std::uint64_t{0};

    std::uint64_t drop = 0;
    std::uint64_t add = 0; ///< `all`: every one that the caller has

    [[nodiscard]] bool change() const { return drop != 0 || add != 0; }
};

struct SpawnAttributes {
    static constexpr int keep_umask = -1;

    std::vector<Rlimit> rlimits;
    CapabilityMasks capabilities;
    bool no_new_privs = false;
    int umask = keep_umask;
    int oom_score_adj = 0; ///< -1000 to 1000
};

} // namespace rouse::sys
