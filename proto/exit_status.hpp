#pragma once
// How a process ended: the same document for the workload and for exec sessions.

#include "proto/fields.hpp"

namespace rouse::proto {

/// Exactly one of `code` and `signal` is set.
struct ExitStatus {
    std::optional<std::uint64_t> code;   ///< 0–255
    std::optional<std::uint64_t> signal; ///< signal number that ended the process
    bool core = false;                   ///< a core was dumped
    bool oom = false; ///< the out-of-memory killer ended it, or another process of its session
    std::uint64_t wall_us = 0; ///< from spawn to reap, monotonic clock
    std::uint64_t user_us = 0;
    std::uint64_t system_us = 0;
    std::uint64_t max_rss_kib = 0;

    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

boost::json::value to_json(const ExitStatus& status);
Parsed<ExitStatus> parse_exit_status(const boost::json::value& value,
                                     const std::string& path = "$");

/// The shell's convention: the code, or 128 plus the signal.
int shell_exit_code(const ExitStatus& status);

/// "exit code 3", "signal 15 (SIGTERM)", "signal 11 (SIGSEGV), core dumped".
std::string describe(const ExitStatus& status);

/// Why a process could not be started.
struct SpawnFailure {
    std::string stage;       ///< which step failed: "exec", "chdir", "user", …
    std::uint64_t error = 0; ///< errno
    std::string message;
    std::string path; ///< what the step was about

    friend bool operator==(const SpawnFailure&, const SpawnFailure&) = default;
};

boost::json::value to_json(const SpawnFailure& failure);
Parsed<SpawnFailure> parse_spawn_failure(const boost::json::value& value);

/// 127 when the program does not exist, 126 for everything else (POSIX, XCU 2.8.2).
int shell_exit_code(const SpawnFailure& failure);

} // namespace rouse::proto
