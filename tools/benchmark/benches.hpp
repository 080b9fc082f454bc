#pragma once
// The benchmarks. Each measures what is in the build directory and reports.

#include "tools/benchmark/row.hpp"

#include <string>

namespace rouse::bench {

struct Settings {
    std::string kernel = "6.12"; ///< of the guests
    unsigned runs = 5;           ///< of each thing that is timed; the median counts
};

/// The binary, and its memory as an idle PID 1. Boots one machine.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] Report size(const Settings& settings);

/// Power-on to READY beside busybox init and the smallest init there can be, in turns, and where
/// the time goes until a workload's first output. Boots 4 × `runs` machines. Draws one boot in
/// bench/boot-timeline.svg.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] Report boot(const Settings& settings);

/// What it costs to reap 10 000 orphans, at once and one by one, as PID 1 of a PID namespace,
/// beside tini, dumb-init and catatonit, in turns. Errors: lab::LabError, std::runtime_error, as
/// where there cannot be so many processes.
[[nodiscard]] Report reap(const Settings& settings);

/// The output relay beside the least that a relay can be and beside socat: over Unix sockets, and
/// over vsock in guests of kernels 6.1 and 6.12. Boots four machines.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] Report relay(const Settings& settings);

/// A short command run by the agent over a Unix socket and in a guest, beside posix_spawn and wait,
/// socat, a whole rousectl and, in the guest, ssh; and the memory of many sessions at once. Boots
/// one machine.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] Report exec(const Settings& settings);

/// The restore chain: its steps, processor time, system calls, forks and dirtied pages, commands
/// right after it; and snapshots of a guest beside those of a bare echo server. Boots two machines
/// and restores each `runs` times. Draws one restore in bench/restore-timeline.svg.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] Report restore(const Settings& settings);

} // namespace rouse::bench
