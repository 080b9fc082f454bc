#pragma once
// One request to an agent, and the tools beside it.

#include "tools/host/http_client.hpp"

#include <chrono>
#include <string>

namespace rouse::bench {

/// Asks the agent at `target` in an event loop of its own. Errors: std::runtime_error without an
/// answer.
[[nodiscard]] host::HttpAnswer question(const std::string& target, host::HttpQuestion asked);

/// Ten times `rousectl exec -- true` at once: milliseconds until each of them has ended, the
/// slowest last. Errors: std::runtime_error when one fails.
[[nodiscard]] std::vector<double> parallel_execs(const std::string& target);

} // namespace rouse::bench
