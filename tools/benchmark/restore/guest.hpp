#pragma once
// Machines that are restored from snapshots: how long until they answer.

#include "tools/benchmark/restore/subject.hpp"

#include <string>
#include <vector>

namespace rouse::bench {

/// What a guest with the agent gave.
struct AgentGuestFigures {
    std::vector<ChainRun> chains;      ///< told by POST /v1/restore, memory as it was
    std::vector<double> first_answer;  ///< of the exec port, ms after the restored machine went on
    std::vector<double> output;        ///< both output connections, ms after that
    std::vector<double> slowest_exec;  ///< of ten commands at once, ms, right after the output
    std::vector<double> execs_again;   ///< the same at once after that
    std::vector<double> execs_before;  ///< the same before the snapshot
    proto::RestoreReport last_restore; ///< as the host got it
    std::string rig;
};

/// Boots a guest, runs `runs` chains in it, saves it, and restores it `runs` times.
/// Errors: lab::LabError, std::runtime_error.
[[nodiscard]] AgentGuestFigures measure_agent_guest(const std::string& kernel, unsigned runs);

/// The same kind of snapshot of a bare echo server as PID 1: milliseconds until it answers.
[[nodiscard]] std::vector<double> measure_echo_guest(const std::string& kernel, unsigned runs);

} // namespace rouse::bench
