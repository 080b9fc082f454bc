// How a preparation for a snapshot waits for what the workload has written so far.
#include "agent/io/race.hpp"
#include "agent/output/output_service.hpp"

#include <algorithm>

namespace rouse::output {

using io::Awaitable;

Awaitable<std::uint64_t> OutputService::flush_written(std::chrono::milliseconds deadline) {
    std::vector<std::uint64_t> ends;
    for (const RelayStatus& relay : status())
        ends.push_back(relay.offsets.read + relay.workload_bytes);
    if (unacknowledged(ends) > 0 && host_takes_output()) {
        Awaitable<bool> waiting = io::with_deadline(acknowledged_up_to(ends), deadline);
        (void)co_await std::move(waiting); // What is left says whether it was in time.
    }
    co_return unacknowledged(ends);
}

Awaitable<> OutputService::acknowledged_up_to(const std::vector<std::uint64_t>& ends) {
    while (unacknowledged(ends) > 0 && host_takes_output()) {
        Awaitable<> waiting = retained_.changed().wait();
        co_await std::move(waiting);
    }
}

std::uint64_t OutputService::unacknowledged(const std::vector<std::uint64_t>& ends) const {
    std::uint64_t left = 0;
    for (std::size_t i = 0; i < relays_.size() && i < ends.size(); ++i) {
        const RelayStatus now = relays_[i]->status();
        // Bytes that are owed to `unsent` lie in the workload's pipe although they were read: the
        // end may seem to be farther than anything was written.
        const bool all = now.offsets.acked == now.offsets.read && now.workload_bytes == 0;
        if (!all && now.offsets.acked < ends[i]) left += ends[i] - now.offsets.acked;
    }
    return left;
}

bool OutputService::host_takes_output() const {
    return std::any_of(relays_.begin(), relays_.end(), [](const std::unique_ptr<Relay>& relay) {
        const std::string state = relay->status().state;
        return state == "streaming" || state == "greeting";
    });
}

} // namespace rouse::output
