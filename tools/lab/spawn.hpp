// The child's side of a fork: only async-signal-safe calls, no allocation, no exceptions.
#pragma once

#include <sys/types.h>

namespace rouse::lab {

/// Everything that the child needs, prepared by the parent. All pointers are borrowed.
struct SpawnPlan {
    const char* program = nullptr; // with a slash: no search in the child
    char* const* argv = nullptr;
    char* const* environment = nullptr;
    int input = -1;  // becomes descriptor 0
    int output = -1; // becomes descriptor 1
    int error = -1;  // becomes descriptor 2
    int report = -1; // receives errno as an int when exec fails
    pid_t parent = 0;
};

/// Turns the freshly forked child into the planned program. Never returns.
[[noreturn]] void become(const SpawnPlan& plan) noexcept;

} // namespace rouse::lab
