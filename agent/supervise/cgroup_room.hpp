#pragma once
// What room the agent and its payload have beside each other: a group of its own for the agent, of
// which nothing is reclaimed and which gets the processor first, and bounds for everything else.

#include "proto/workload_config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace rouse::supervise {

/// A setting that could not be made.
struct RoomProblem {
    std::string file; ///< below the root, "agent/memory.min"
    std::string why;
};

/// Limits for `root`/exec. Blocks; for the time before the loop runs.
std::vector<RoomProblem> bound_payload(const std::string& root, const proto::CgroupLimits& limits);

/// Makes `root`/agent, protects its memory there and above, and moves this process into it, with
/// what it shares with it. Memory that was charged elsewhere before stays charged there. Blocks.
/// Source: cgroup-v2.rst, memory.min: protection is bounded by that of the groups above.
std::vector<RoomProblem> protect_agent(const std::string& root, const proto::AgentConfig& agent);

/// How many processes and threads the payload may have when nobody says: so many below what the
/// kernel has that the agent, its hooks and a shell on the console can still be there.
std::uint64_t usual_payload_pids(std::uint64_t pid_max, std::uint64_t threads_max);

/// The limits, with that number where they have none. Reads /proc/sys/kernel/pid_max and
/// threads-max; where they cannot be read, nothing is added.
proto::CgroupLimits with_usual_pids(proto::CgroupLimits limits);

} // namespace rouse::supervise
