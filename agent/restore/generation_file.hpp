#pragma once
// /run/rouse/generation: tells programs in the guest which incarnation of the VM they run in.

#include "agent/sys/result.hpp"

#include <string>

namespace rouse::restore {

inline constexpr const char* generation_file = "/run/rouse/generation";

/// Replaces the file atomically: readers see the old line or the new one. Makes the directory where
/// it is missing. The file is on a tmpfs and small, so this does not block.
/// Errors: those of mkdir(2), open(2), write(2) and rename(2).
sys::Result<> write_generation_file(const std::string& generation,
                                    const std::string& path = generation_file);

} // namespace rouse::restore
