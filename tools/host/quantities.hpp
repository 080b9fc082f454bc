#pragma once
// Times, sizes and other quantities as a person writes them.

#include "tools/host/async.hpp"

#include <cstdint>
#include <string_view>

namespace rouse::host {

/// "30s", "500ms", "2m", "1h", "10" (seconds). Fails on anything else.
Outcome<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "512m", "2g", "64k", "100b", "1048576": powers of 1024, also in capitals and with a final b.
Outcome<std::uint64_t> parse_size(std::string_view text);

/// "1.5", "0.25": processors, in microseconds of each 100 000. From 0.01 on.
Outcome<std::uint64_t> parse_cpus(std::string_view text);

} // namespace rouse::host
