// What the agent writes into its own record, and what of it the host is told.

#include "agent/agent.hpp"

#include <fmt/format.h>

namespace rouse {

using namespace std::chrono_literals;

void Agent::record(Audience audience, std::string_view type, boost::json::object body) {
    events_.record(type, body);
    if (options_.verbosity > 0) say_event(type, body);
    if (audience == Audience::host) restore_.publish(std::string(type), std::move(body));
}

/// For whoever asked for it by -v.
void Agent::say_event(std::string_view type, const boost::json::object& body) {
    if (type == "log") return; // it is a line already
    const bool of_command = type.starts_with("workload") || type == "signal" || type == "shutdown";
    if (of_command || options_.verbosity > 1)
        log_.info(fmt::format("{} {}", type, boost::json::serialize(body)));
}

/// Orphans may end by the thousand: one event a second says how many they were since the last.
void Agent::record_orphans() {
    const auto now = std::chrono::steady_clock::now();
    const std::uint64_t count = reaper_.counters().orphans - recorded_orphans_;
    if (count == 0 || now - orphans_recorded_ < 1s) return;
    orphans_recorded_ = now;
    recorded_orphans_ = reaper_.counters().orphans;
    record(Audience::guest, "orphans_reaped", {{"count", count}});
}

/// The host plugged it in, and hears what became of it.
void Agent::record_device(const boot::Step& step) {
    record(Audience::host, step.ok ? "device_ready" : "device_failed",
           {{"device", step.name}, {"detail", step.message}});
    if (!step.ok) log_.warn(fmt::format("{}: {}", step.name, step.message));
}

/// Anybody in the guest can connect in a loop: neither the ring nor the console is theirs to fill.
void Agent::record_refusal(const std::string& peer, const std::string& why) {
    const auto suppressed = refusals_.admit(why, std::chrono::steady_clock::now());
    if (!suppressed) return;
    record(Audience::guest, "connection_refused",
           {{"peer", peer}, {"why", why}, {"suppressed", *suppressed}});
    const std::string others =
        *suppressed == 0 ? "" : fmt::format(" ({} more since the last line)", *suppressed);
    log_.warn(fmt::format("refused a connection from {}: {}{}", peer, why, others));
}

} // namespace rouse
