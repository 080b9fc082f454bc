#include "agent/sys/spawn_capabilities.hpp"

#include <array>
#include <cerrno>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr int most_capabilities = 64;

constexpr bool has(std::uint64_t mask, int number) {
    return ((mask >> static_cast<unsigned>(number)) & 1U) != 0;
}

/// The three sets of a thread. The kernel wants each in two halves.
struct CapabilitySets {
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;
};

using SetHalves = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

constexpr std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
    return (std::uint64_t{high} << 32U) | low;
}

bool get_sets(CapabilitySets& sets) noexcept {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    SetHalves halves{};
    if (::syscall(SYS_capget, &header, halves.data()) < 0) return false;
    sets = {.effective = joined(halves[0].effective, halves[1].effective),
            .permitted = joined(halves[0].permitted, halves[1].permitted),
            .inheritable = joined(halves[0].inheritable, halves[1].inheritable)};
    return true;
}

bool set_sets(const CapabilitySets& sets) noexcept {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    SetHalves halves{};
    for (unsigned i = 0; i < halves.size(); ++i) {
        const unsigned shift = i * 32U;
        halves[i] = {.effective = static_cast<std::uint32_t>(sets.effective >> shift),
                     .permitted = static_cast<std::uint32_t>(sets.permitted >> shift),
                     .inheritable = static_cast<std::uint32_t>(sets.inheritable >> shift)};
    }
    return ::syscall(SYS_capset, &header, halves.data()) == 0;
}

/// Whether every capability of `wanted` is one of `owned`.
bool owns(std::uint64_t owned, std::uint64_t wanted, int& item) noexcept {
    for (int number = 0; number < most_capabilities; ++number) {
        if (!has(wanted, number) || has(owned, number)) continue;
        item = number;
        // EINVAL here: no capability of this kernel.
        if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0) errno = EPERM;
        return false;
    }
    return true;
}

bool raise_ambient(std::uint64_t wanted, int& item) noexcept {
    for (int number = 0; number < most_capabilities; ++number) {
        if (!has(wanted, number)) continue;
        item = number;
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0) return false;
    }
    return true;
}

} // namespace

bool limit_capabilities(const CapabilityMasks& masks, bool keep, int& item) noexcept {
    for (int number = 0; number < most_capabilities; ++number) {
        const int bounded = ::prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (bounded < 0) break; // the kernel's last one was the one before
        if (bounded == 0 || !has(masks.drop, number) || has(masks.add, number)) continue;
        item = number;
        if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0) return false;
    }
    return !keep || ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}

bool set_capabilities(const CapabilityMasks& masks, bool is_root, int& item) noexcept {
    CapabilitySets sets;
    if (!get_sets(sets)) return false;
    const std::uint64_t added = masks.add == CapabilityMasks::all ? sets.permitted : masks.add;
    if (!owns(sets.permitted, added, item)) return false;
    // Older kernels have no ambient set to clear; the raise below would say so.
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    const std::uint64_t left = is_root ? (sets.permitted & ~masks.drop) | added : added;
    const std::uint64_t inherited = is_root ? sets.inheritable & left : added;
    if (!set_sets({.effective = left, .permitted = left, .inheritable = inherited})) return false;
    return is_root || raise_ambient(added, item);
}

} // namespace rouse::sys
