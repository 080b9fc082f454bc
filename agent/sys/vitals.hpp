#pragma once
// How this machine and this process are, without starting a process: small files of /proc.

#include "agent/sys/proc.hpp"

#include <cstdint>
#include <optional>

namespace rouse::sys {

/// Nothing where the kernel has no such number, or /proc is missing. Memory in KiB.
struct Vitals {
    using Number = std::optional<std::uint64_t>;

    Number memory_total; ///< proc(5), /proc/meminfo
    Number memory_free;
    Number memory_available;
    Number swap_total;
    Number swap_free;
    Number oom_kills; ///< since boot; proc(5), /proc/vmstat
    Number load_1;    ///< of one minute, in hundredths; proc(5), /proc/loadavg
    Number load_5;
    Number load_15;
    Number threads_running;
    Number threads; ///< of all processes
    Number uptime_ms;
    Number files;     ///< open file descriptions of the machine; proc(5), /proc/sys/fs/file-nr
    Number files_max; ///< how many there may be
    Number pid_max;
    Number pipe_max_size; ///< bytes that a pipe may have without a privilege
    MemoryUse own_memory;
    Number own_descriptors;
    Number own_descriptors_max; ///< getrlimit(2), RLIMIT_NOFILE, soft
};

/// Reads about ten files of /proc, none of which blocks or grows with the number of processes.
Vitals read_vitals();

} // namespace rouse::sys
