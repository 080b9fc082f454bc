#include "proto/shutdown_config.hpp"

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

namespace {

using std::chrono::milliseconds;

/// A member that is not there leaves the target as it was, also empty.
void read_deadline(Fields& fields, std::string_view key, const json::value& document,
                   std::optional<milliseconds>& target) {
    milliseconds read = target.value_or(milliseconds(1));
    fields.read(key, read);
    if (document.is_object() && document.get_object().contains(key)) target = read;
    if (read < milliseconds(1)) fields.fail(key, "must be at least 1");
}

} // namespace

std::string_view name(ShutdownStage stage) {
    switch (stage) {
    case ShutdownStage::workload:
        return "workload";
    case ShutdownStage::processes:
        return "processes";
    case ShutdownStage::flush:
        return "flush";
    case ShutdownStage::unmount:
        return "unmount";
    }
    return "unknown";
}

milliseconds ShutdownDeadlines::of(ShutdownStage stage) const {
    switch (stage) {
    case ShutdownStage::workload:
        return workload;
    case ShutdownStage::processes:
        return processes;
    case ShutdownStage::flush:
        return flush;
    case ShutdownStage::unmount:
        return unmount;
    }
    return total;
}

ShutdownDeadlines shutdown_deadlines(const ShutdownConfig& config, milliseconds stop_grace,
                                     std::optional<milliseconds> report) {
    const milliseconds usual = stop_grace + limits::shutdown_kill;
    ShutdownDeadlines deadlines{.workload = config.workload.value_or(usual),
                                .processes = config.processes.value_or(usual),
                                .flush = config.flush.value_or(
                                    limits::shutdown_flush + report.value_or(limits::exit_report)),
                                .unmount = config.unmount,
                                .total = {}};
    // Two graces in a row are rare: who ignores a signal is the workload or an exec.
    const milliseconds needed =
        std::max(deadlines.workload, deadlines.processes) + deadlines.flush + deadlines.unmount;
    deadlines.total = config.total.value_or(std::max(limits::shutdown_total, needed));
    return deadlines;
}

void read_shutdown(Fields& fields, ShutdownConfig& config) {
    const json::value* value = fields.raw("shutdown");
    if (value == nullptr) return;
    Fields members = fields.member("shutdown", *value);
    read_deadline(members, "workload_ms", *value, config.workload);
    read_deadline(members, "processes_ms", *value, config.processes);
    read_deadline(members, "flush_ms", *value, config.flush);
    members.read("unmount_ms", config.unmount);
    read_deadline(members, "total_ms", *value, config.total);
    members.finish();
    if (config.unmount < milliseconds(1)) members.fail("unmount_ms", "must be at least 1");
}

} // namespace rouse::proto
