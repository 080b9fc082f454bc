#pragma once
// The clock on the wall, and the one that the kernel began with.

#include "agent/sys/result.hpp"

#include <chrono>
#include <cstdint>

namespace rouse::sys {

/// Steps CLOCK_REALTIME to `nanoseconds` since the epoch. Timers on the monotonic clock do not
/// notice. Errors: EPERM without CAP_SYS_TIME; EINVAL before 1970 or before the boot.
/// Source: clock_settime(2).
Result<> set_realtime(std::int64_t nanoseconds);

/// Nanoseconds since the epoch.
std::int64_t realtime();

/// How long the kernel has been running, the time that it was suspended included.
/// Source: clock_gettime(2), CLOCK_BOOTTIME.
std::chrono::microseconds since_boot();

} // namespace rouse::sys
