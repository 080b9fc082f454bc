#pragma once
// Many sessions at once: what one of them costs the agent.

#include <filesystem>

#include <sys/types.h>

namespace rouse::bench {

/// KiB of anonymous memory by which the agent `pid` grows for each of `count` detached sessions
/// that run at the same time. They are ended before it returns.
/// Errors: std::runtime_error.
[[nodiscard]] double memory_of_crowd(const std::filesystem::path& socket, pid_t pid,
                                     unsigned count);

} // namespace rouse::bench
