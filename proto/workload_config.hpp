#pragma once
// The part of the configuration that says how the workload lives: when it is ready, what ends it,
// whether it is started again, and what room it and the agent have beside each other.

#include "proto/limits.hpp"
#include "proto/process_attributes.hpp"
#include "proto/session.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

namespace rouse::proto {

/// Whether the workload is started again when it has ended by itself.
enum class RestartPolicy { no, on_failure, always };

std::string_view name(RestartPolicy policy);

struct RestartConfig {
    RestartPolicy policy = RestartPolicy::no;
    std::chrono::milliseconds delay = limits::restart_delay; ///< before the first; then doubled
    std::chrono::milliseconds delay_max = limits::restart_delay_longest;
    std::chrono::milliseconds healthy = limits::restart_healthy; ///< a run this long resets it
    std::uint32_t max = 0;                                       ///< in the window; 0: no limit
    std::chrono::milliseconds window = limits::restart_window;

    friend bool operator==(const RestartConfig&, const RestartConfig&) = default;
};

/// When the workload is ready: once it has exec'd, unless one of three says otherwise.
struct ReadyConfig {
    bool notify = false;              ///< it says READY=1 on the socket in NOTIFY_SOCKET
    std::uint32_t tcp = 0;            ///< something listens on this port of the loopback
    std::vector<std::string> command; ///< ends with 0, run as the workload's user
    std::chrono::milliseconds timeout = limits::ready; ///< then the run has failed; 0: none
    std::chrono::milliseconds interval = limits::ready_interval; ///< between two tries

    /// Whether it takes more than having exec'd.
    [[nodiscard]] bool is_asked() const { return notify || tcp != 0 || !command.empty(); }
    friend bool operator==(const ReadyConfig&, const ReadyConfig&) = default;
};

/// What is set aside for the agent, so that it can work beside a payload that takes everything.
struct AgentConfig {
    std::uint64_t memory_min = limits::agent_memory_min; ///< bytes that are never reclaimed from it
    std::uint64_t cpu_weight = limits::agent_cpu_weight; ///< beside 100 of the payload

    friend bool operator==(const AgentConfig&, const AgentConfig&) = default;
};

struct WorkloadConfig {
    RestartConfig restart;
    ReadyConfig ready;
    int stop_signal = SIGTERM;
    std::optional<TerminalSize> tty; ///< none: two pipes, and no stdin
    std::string notify_socket;       ///< of the VMM; empty: what the credential says
    CgroupLimits payload;            ///< of workload and sessions together
    AgentConfig agent;
    /// How long the host may take to acknowledge how the workload ended; none: 2 s where a host is
    /// there, 0.2 s where not.
    std::optional<std::chrono::milliseconds> report_deadline;

    friend bool operator==(const WorkloadConfig&, const WorkloadConfig&) = default;
};

/// Reads `restart`, `ready`, `stop_signal`, `notify_socket`, `payload`, `agent` and `exit_report`
/// of the configuration document.
void read_workload_config(Fields& fields, WorkloadConfig& config);

/// Reads `tty` of the configuration's `workload`.
void read_workload_terminal(Fields& fields, std::optional<TerminalSize>& tty);

} // namespace rouse::proto
