#pragma once
// The boot of a guest: everything that must be there before the agent.

#include "agent/agent.hpp"
#include "agent/log.hpp"

namespace rouse {

/// Takes over signals, mounts, loads modules, reads the configuration and makes the guest what it
/// says, in timed steps (boot/steps.hpp). Says on the log what failed, and what keeps it waiting.
/// Blocks for as long as the slowest step may. Throws std::runtime_error, which names the step, for
/// what nothing can work without.
AgentOptions boot_guest(Log& log);

} // namespace rouse
