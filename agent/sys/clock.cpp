#include "agent/sys/clock.hpp"

#include <ctime>

namespace rouse::sys {

namespace {

constexpr std::int64_t per_second = 1'000'000'000;

} // namespace

Result<> set_realtime(std::int64_t nanoseconds) {
    if (nanoseconds < 0) return error_from(EINVAL);
    const timespec time{.tv_sec = nanoseconds / per_second, .tv_nsec = nanoseconds % per_second};
    if (::clock_settime(CLOCK_REALTIME, &time) < 0) return last_error();
    return {};
}

std::int64_t realtime() {
    timespec time{};
    (void)::clock_gettime(CLOCK_REALTIME, &time); // this clock always exists
    return time.tv_sec * per_second + time.tv_nsec;
}

std::chrono::microseconds since_boot() {
    timespec time{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &time); // as old as Linux 2.6.39
    const std::chrono::nanoseconds passed =
        std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    return std::chrono::duration_cast<std::chrono::microseconds>(passed);
}

} // namespace rouse::sys
