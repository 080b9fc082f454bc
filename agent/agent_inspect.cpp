// The documents of `GET /v1/debug/NAME`, and the metrics that are made of them.

#include "agent/agent.hpp"
#include "agent/debug/metrics.hpp"
#include "agent/debug/vitals.hpp"
#include "agent/sys/age.hpp"

#include <boost/json.hpp>

namespace rouse {

namespace json = boost::json;

namespace {

json::object relay_json(const output::RelayStatus& relay) {
    json::object row{{"stream", relay.stream},
                     {"state", relay.state},
                     {"policy", relay.policy},
                     {"send", relay.send},
                     {"read", relay.offsets.read},
                     {"sent", relay.offsets.sent},
                     {"acked", relay.offsets.acked},
                     {"credit", relay.credit},
                     {"workload_bytes", relay.workload_bytes},
                     {"workload_capacity", relay.workload_capacity},
                     {"kept_bytes", relay.kept_bytes},
                     {"unsent_bytes", relay.unsent_bytes},
                     {"capacity", relay.capacity},
                     {"memory_share", relay.memory_share},
                     {"connections", relay.connections},
                     {"socket_open", relay.socket_open},
                     {"socket_writable", relay.socket_writable},
                     {"writing", relay.writing},
                     {"frame_cap", relay.frame_cap},
                     {"stalls", relay.stalls},
                     {"redials", relay.redials},
                     {"dropping", relay.dropping},
                     {"dropped_bytes", relay.dropped_bytes},
                     {"drop_episodes", relay.drop_episodes},
                     {"gaps", relay.gaps},
                     {"after_end", relay.after_end},
                     {"repairs", relay.repairs},
                     {"console_active", relay.console_active},
                     {"console_shown", relay.console_shown},
                     {"console_dropped", relay.console_dropped}};
    if (relay.stalled_since) row["stalled_ms"] = sys::milliseconds_since(*relay.stalled_since);
    if (!relay.why_down.empty()) row["why_down"] = relay.why_down;
    if (relay.ended) {
        row["ended"] = name(relay.ended->how);
        row["unread"] = relay.ended->bytes;
    }
    return row;
}

} // namespace

json::array Agent::relays() const {
    json::array rows;
    for (const output::RelayStatus& relay : output_.status())
        rows.push_back(relay_json(relay));
    return rows;
}

json::object Agent::conns() const {
    json::array rows;
    for (const io::ConnectionRegistry::Entry& entry : registry_.entries())
        rows.push_back({{"id", entry.id},
                        {"role", entry.role},
                        {"epoch", entry.epoch},
                        {"age_ms", sys::milliseconds_since(entry.opened)}});
    json::object document{{"epoch", registry_.epoch()}, {"open", rows.size()}};
    if (listener_)
        document["listener"] = {{"address", io::to_text(listener_->address())},
                                {"listening", listener_->listening()},
                                {"accepted", listener_->counters().accepted},
                                {"refused", listener_->counters().refused},
                                {"over_limit", listener_->counters().over_limit},
                                {"errors", listener_->counters().errors}};
    document["http"] = {{"requests", http_.counters().requests},
                        {"bad_requests", http_.counters().bad_requests}};
    document["connections"] = std::move(rows);
    return document;
}

json::object Agent::children() const {
    json::array rows;
    for (const supervise::Reaper::Running& child : reaper_.running())
        rows.push_back({{"pid", child.pid}, {"age_ms", sys::milliseconds_since(child.started)}});
    return {{"children", reaper_.counters().children},
            {"orphans", reaper_.counters().orphans},
            {"running", rows.size()},
            {"cgroups", cgroups_.count()},
            {"cgroups_failed", cgroups_.failed()},
            {"calls_given_up", blocking_calls_.counters().given_up},
            {"watched", std::move(rows)}};
}

json::object Agent::epochs() const {
    json::object document = restore_.status();
    json::array reports;
    for (const proto::RestoreReport& report : restore_.reports())
        reports.push_back(proto::to_json(report));
    document["reports"] = std::move(reports);
    document["sources"] = restore::status(triggers_);
    document["prepare"] = prepare_.status();
    return document;
}

json::object Agent::inspect(std::string_view topic) const {
    if (topic == "relays")
        return {{"relays", relays()},
                {"readers", output_.retained().readers()},
                {"memory_used", memory_.used()},
                {"memory_refusals", memory_.refusals()}};
    if (topic == "conns") return conns();
    if (topic == "reaper") return children();
    if (topic == "epochs") return epochs();
    if (topic == "events") return events_.document();
    if (topic == "boot") return boot::to_json(options_.timeline);
    if (topic == "vitals") return debug::vitals_document();
    return status();
}

std::string Agent::metrics() const {
    json::object documents{{"events", events_.counters()}};
    for (const std::string_view topic : {"status", "relays", "conns", "reaper", "epochs", "vitals"})
        documents[topic] = inspect(topic);
    return debug::metrics_text(documents);
}

} // namespace rouse
