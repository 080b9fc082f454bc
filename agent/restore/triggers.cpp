#include "agent/restore/triggers.hpp"

#include "agent/restore/cid_trigger.hpp"
#include "agent/restore/clock_trigger.hpp"
#include "agent/restore/mmds_trigger.hpp"
#include "agent/restore/vmclock_trigger.hpp"
#include "agent/restore/vmgenid_trigger.hpp"
#include "agent/sys/vsock_cid.hpp"
#include "proto/limits.hpp"

#include <boost/json/array.hpp>

namespace rouse::restore {

std::vector<std::unique_ptr<Trigger>> make_triggers(const io::Executor& executor,
                                                    const TriggerOptions& options) {
    std::vector<std::unique_ptr<Trigger>> triggers;
    triggers.push_back(std::make_unique<ClockTrigger>(executor));
    if (options.is_vm) {
        triggers.push_back(std::make_unique<CidTrigger>(executor, [] { return sys::local_cid(); }));
        triggers.push_back(std::make_unique<VmgenidTrigger>(executor, sys::open_kmsg()));
        triggers.push_back(std::make_unique<VmclockTrigger>(executor, sys::open_vmclock(),
                                                            proto::limits::vmclock_poll));
    }
    if (options.mmds.enabled)
        triggers.push_back(std::make_unique<MmdsTrigger>(executor, options.mmds));
    return triggers;
}

void look(const std::vector<std::unique_ptr<Trigger>>& triggers) {
    for (const std::unique_ptr<Trigger>& trigger : triggers)
        trigger->look();
}

boost::json::array status(const std::vector<std::unique_ptr<Trigger>>& triggers) {
    boost::json::array states;
    for (const std::unique_ptr<Trigger>& trigger : triggers)
        states.push_back(trigger->status());
    return states;
}

} // namespace rouse::restore
