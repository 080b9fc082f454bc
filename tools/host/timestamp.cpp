#include "tools/host/timestamp.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace rouse::host {

std::string timestamp(std::chrono::system_clock::time_point when) {
    using namespace std::chrono;
    const auto part = duration_cast<microseconds>(when.time_since_epoch()) % seconds(1);
    std::tm parts{};
    const std::time_t whole = system_clock::to_time_t(floor<seconds>(when));
    (void)::gmtime_r(&whole, &parts); // fails only for years beyond int
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", parts, part.count());
}

} // namespace rouse::host
