// The status document of `GET /v1/status` and `rouse debug status`.

#include "agent/agent.hpp"
#include "agent/sys/age.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/proc.hpp"

#include <boost/json.hpp>

#include <unistd.h>

namespace rouse {

namespace json = boost::json;

namespace {

json::object memory_json() {
    const sys::Result<sys::MemoryUse> memory = sys::own_memory();
    if (!memory) return {};
    return {{"rss_kib", memory->rss_kib}, {"anon_kib", memory->anonymous_kib}};
}

json::array reports_json(const std::vector<proto::RestoreReport>& reports) {
    json::array rows;
    for (const proto::RestoreReport& report : reports)
        rows.push_back(proto::to_json(report));
    return rows;
}

} // namespace

json::object Agent::status() const {
    const restore::Identity& identity = restore_.identity();
    json::object object{{"version", ROUSE_VERSION},
                        {"pid", ::getpid()},
                        {"uptime_ms", sys::milliseconds_since(started_)},
                        {"kernel", sys::kernel_release()},
                        {"boot_id", identity.boot_id},
                        {"generation", identity.generation},
                        {"epoch", identity.epoch}};
    object["workload"] = workload_.status();
    if (vmm_.is_open()) object["vmm"] = {{"notified", vmm_.sent()}, {"given_up", vmm_.given_up()}};
    object["reaper"] = {{"children", reaper_.counters().children},
                        {"orphans", reaper_.counters().orphans},
                        {"watched", reaper_.watched()}};
    object["exec"] = {{"running", sessions_.counters().running},
                      {"started", sessions_.counters().started_total},
                      {"failed", sessions_.counters().failed_total}};
    object["files"] = {{"running", files_.counters().running},
                       {"started", files_.counters().started_total},
                       {"failed", files_.counters().failed_total}};
    object["forwards"] = {{"open", forward_.open()}};
    object["http"] = {{"requests", http_.counters().requests},
                      {"bad_requests", http_.counters().bad_requests}};
    if (listener_)
        object["listener"] = {{"address", io::to_text(listener_->address())},
                              {"accepted", listener_->counters().accepted},
                              {"refused", listener_->counters().refused}};
    object["memory"] = memory_json();
    object["output"] = relays();
    object["connections"] = conns().at("connections");
    object["restore"] = restore_.status();
    object["prepare"] = prepare_.status();
    object["restores"] = reports_json(restore_.reports());
    object["problems"] = json::value_from(options_.problems);
    object["log_dropped"] = log_.dropped();
    return object;
}

} // namespace rouse
