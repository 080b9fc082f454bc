#pragma once
// Whether a guest came back from a fault: its output goes on with every byte once, and it runs
// commands.

#include "tests/uml/rig.hpp"

namespace rouse::uml {

/// How long a guest may need to come back: several of its own deadlines, on a busy machine.
constexpr std::chrono::milliseconds recovery_deadline = std::chrono::seconds(20);

/// Waits until both streams of the output have grown, then checks all their bytes, and that a
/// command runs as soon as the guest has noticed the last reset.
void check_recovered(Rig& rig);

/// Checks the bytes that there are.
void check_output(Rig& rig, const std::string& generation);

/// Runs a command as a host does, which tries again where a connection is refused.
void check_exec(Rig& rig);

/// Whether the guest has asked for a connection to this port of the host since line `first` of the
/// log.
[[nodiscard]] bool dialled_since(Rig& rig, std::size_t first, std::uint32_t host_port);

} // namespace rouse::uml
