#pragma once
// An unprivileged process in the guest that dials the host's ports and says that it is the agent.

#include "proto/output.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/frames.hpp"

#include <cstdint>
#include <string>

namespace rouse::test {

/// Dials a port of the host as the agent in this place does.
[[nodiscard]] FrameConnection dial_host(const AgentPlace& place, std::uint32_t port);

/// A hello for stdout with all that such a process may know, which is all but the link key.
[[nodiscard]] proto::OutputHello forged_hello(const Endpoint& agent, std::string generation);

} // namespace rouse::test
