// Scenes that are played in more than one rig.
#pragma once

#include "tests/support/frames.hpp"
#include "tests/vm/guest.hpp"

namespace rouse::test {

/// The configuration for check_power_off.
[[nodiscard]] std::string power_off_config();

/// Boots; then a command tells the workload to write its output and end, which powers the machine
/// off. Checks that the command's own end, that of another that still runs, every byte of output
/// and the exit report arrive.
void check_power_off(lab::MachineOptions options);

} // namespace rouse::test
