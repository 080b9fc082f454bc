#pragma once
// Ends every process of the VM but ours, when the agent is done.

#include <chrono>

namespace rouse {

/// SIGTERM to all, SIGKILL to those that are left after `grace`; reaps until nobody is left, at
/// most 2 s beyond that. SIGCHLD must be blocked. Returns whether nobody is left.
bool end_all_processes(std::chrono::milliseconds grace);

} // namespace rouse
