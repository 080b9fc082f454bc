#pragma once
// The part of the configuration that says how long the end of the machine may take, stage by stage.

#include "proto/fields.hpp"
#include "proto/limits.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace rouse::proto {

/// In their order.
enum class ShutdownStage {
    workload,  ///< it gets its stop signal, its grace, then SIGKILL
    processes, ///< all others get SIGTERM, then SIGKILL
    flush,     ///< the host acknowledges the output and the exit report
    unmount    ///< disks are synced, swap is switched off, file systems are unmounted
};

/// "workload", "processes", "flush", "unmount": as in the configuration and in what is logged.
std::string_view name(ShutdownStage stage);

/// How long each stage may take before the next one begins regardless, and all of them before the
/// kernel is asked to end the machine whatever goes on. Nothing: what shutdown_deadlines() says.
struct ShutdownConfig {
    std::optional<std::chrono::milliseconds> workload;
    std::optional<std::chrono::milliseconds> processes;
    std::optional<std::chrono::milliseconds> flush;
    std::chrono::milliseconds unmount = limits::shutdown_unmount;
    std::optional<std::chrono::milliseconds> total;

    friend bool operator==(const ShutdownConfig&, const ShutdownConfig&) = default;
};

/// What is in force when the workload's grace is `stop_grace`, and the exit report may take
/// `report`. Processes that are told to end get the grace and `limits::shutdown_kill` for the end
/// of what was killed; the flush gets `limits::shutdown_flush` beside the report; the whole takes
/// `limits::shutdown_total`, or longer where the stages need it.
struct ShutdownDeadlines {
    std::chrono::milliseconds workload;
    std::chrono::milliseconds processes;
    std::chrono::milliseconds flush;
    std::chrono::milliseconds unmount;
    std::chrono::milliseconds total;

    [[nodiscard]] std::chrono::milliseconds of(ShutdownStage stage) const;
};
ShutdownDeadlines shutdown_deadlines(const ShutdownConfig& config,
                                     std::chrono::milliseconds stop_grace,
                                     std::optional<std::chrono::milliseconds> report);

/// Reads `shutdown` of the configuration document.
void read_shutdown(Fields& fields, ShutdownConfig& config);

} // namespace rouse::proto
