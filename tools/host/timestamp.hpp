#pragma once
// Points in time as the collector writes them down.

#include <chrono>
#include <string>

namespace rouse::host {

/// UTC with microseconds, as RFC 3339 writes it; such texts sort by time.
std::string timestamp(std::chrono::system_clock::time_point when);

} // namespace rouse::host
