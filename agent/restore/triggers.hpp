#pragma once
// All sources of triggers that this machine can have.

#include "agent/restore/trigger.hpp"
#include "proto/config.hpp"

#include <memory>
#include <vector>

namespace rouse::restore {

struct TriggerOptions {
    /// This is PID 1 of a VM: vmgenid, vmclock and the CID concern it. Elsewhere they are the
    /// machine's, and none of our business.
    bool is_vm = false;
    proto::MmdsConfig mmds;
};

/// What is there to be watched, each with what it says now as that which is compared with. What is
/// switched off is missing; what the machine has not is there, and says so in its status().
/// Order: clock, cid, vmgenid, vmclock, mmds.
std::vector<std::unique_ptr<Trigger>> make_triggers(const io::Executor& executor,
                                                    const TriggerOptions& options);

/// Somebody has a reason to think that something changed: everybody looks.
void look(const std::vector<std::unique_ptr<Trigger>>& triggers);

/// For `rouse debug epochs`: the status of each.
[[nodiscard]] boost::json::array status(const std::vector<std::unique_ptr<Trigger>>& triggers);

} // namespace rouse::restore
