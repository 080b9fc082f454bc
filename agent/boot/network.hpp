#pragma once
// Network interfaces, as the configuration wants them.

#include "agent/boot/report.hpp"
#include "proto/guest_config.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace rouse::boot {

/// What became of the interfaces.
struct NetworkAtBoot {
    Report report;
    std::vector<std::string> late = {}; ///< names of those that have not appeared yet
};

/// Brings the loopback up, configures all interfaces that are there or appear within `wait`, and
/// sets the settings of the kernel that belong to interfaces. Blocks that long at most, besides
/// what the kernel takes. Addresses may be used at once, and are announced to the neighbours.
NetworkAtBoot set_up_network(const proto::GuestConfig& guest, std::chrono::milliseconds wait);

/// Whether the kernel has an interface of that name now.
bool has_interface(const std::string& name);

/// Configures one interface that is there, and sets its settings: one step, "interface NAME".
Step set_up_interface(const proto::NetworkInterface& interface, const proto::GuestConfig& guest);

} // namespace rouse::boot
