#pragma once
// The kernel's random numbers, and what is fed to them.

#include "agent/sys/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace rouse::sys {

/// At most this many bytes are taken by add_entropy().
inline constexpr std::size_t entropy_limit = 512;

/// Fills the buffer. Never blocks: early in a boot without any source of entropy the bytes are what
/// the kernel has. Errors: those of getrandom(2).
Result<> fill_random(std::span<std::uint8_t> buffer);

/// Mixes secret bytes in, credits them in full, and makes the generator start anew from its pool at
/// once: what two clones draw afterwards differs. Errors: EINVAL for none or more than
/// entropy_limit; EPERM without CAP_SYS_ADMIN. Source: random(4), RNDADDENTROPY, RNDRESEEDCRNG.
Result<> add_entropy(std::span<const std::uint8_t> bytes);

/// Makes the generator start anew from what the kernel has gathered by itself.
/// Errors: ENODATA before it was first ready; EPERM without CAP_SYS_ADMIN.
/// Source: random(4), RNDRESEEDCRNG.
Result<> reseed_random();

} // namespace rouse::sys
