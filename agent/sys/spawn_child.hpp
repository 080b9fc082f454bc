#pragma once
// The child's side of a spawn, between the fork and the exec.

#include "agent/sys/spawn.hpp"

#include <array>
#include <cstddef>

namespace rouse::sys {

/// A SpawnPlan as bare pointers into memory of the parent, of which the child has a copy.
struct ChildPlan {
    const char* const* programs = nullptr; ///< ends with a null pointer
    char* const* argv = nullptr;           ///< ends with a null pointer
    char* const* env = nullptr;            ///< ends with a null pointer
    const char* cwd = nullptr;
    const char* cwd_fallback = nullptr; ///< null: there is none
    bool change_user = false;
    uid_t uid = 0;
    gid_t gid = 0;
    const gid_t* groups = nullptr;
    std::size_t group_count = 0;
    const SpawnAttributes* attributes = nullptr; ///< read only: no vector of it may change
    const char* oom_score = nullptr;             ///< that of the attributes, as text
    std::array<int, 3> stdio{-1, -1, -1};
    Leads leads = Leads::session;
    bool terminal = false;     ///< descriptor 0 becomes the controlling terminal
    int cgroup = -1;           ///< its directory, or -1
    bool joins_cgroup = false; ///< whether it still has to be joined
    int errors = -1;           ///< write end of the error pipe
};

/// Becomes the program, or writes a SpawnError to the error pipe and exits with 127. Called with
/// every signal blocked. Async-signal-safe: allocates nothing, throws nothing, takes no lock.
[[noreturn]] void run_child(const ChildPlan& plan) noexcept;

} // namespace rouse::sys
