// The control groups of the agent and of what it starts.

#include "agent/agent.hpp"
#include "agent/supervise/cgroup_room.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace rouse {

/// Without cgroups everything else works: in a container they may be somebody else's.
void Agent::open_cgroups() {
    const std::string name =
        options_.is_vm ? std::string("rouse") : fmt::format("rouse-{}", ::getpid());
    const sys::Result<> opened = cgroups_.open(name);
    if (opened) return make_room();
    const std::string why = opened.error().message();
    record(Audience::guest, "cgroups_unavailable", {{"why", why}});
    if (options_.is_vm)
        log_.warn(fmt::format("no cgroup v2: {}; processes run without limits, and a kill reaches "
                              "a process group only",
                              why));
}

/// The agent's share of the machine, and the payload's. What cannot be had is said, and everything
/// works without.
void Agent::make_room() {
    const proto::WorkloadConfig& config = options_.config.supervision;
    const proto::CgroupLimits limits =
        options_.is_vm ? supervise::with_usual_pids(config.payload) : config.payload;
    std::vector<supervise::RoomProblem> problems =
        supervise::bound_payload(cgroups_.root(), limits);
    if (options_.is_vm)
        for (supervise::RoomProblem& problem :
             supervise::protect_agent(cgroups_.root(), config.agent))
            problems.push_back(std::move(problem));
    for (const supervise::RoomProblem& problem : problems) {
        record(Audience::guest, "cgroup_setting_failed",
               {{"file", problem.file}, {"why", problem.why}});
        log_.warn(fmt::format("cannot set {} of the cgroups: {}", problem.file, problem.why));
    }
}

} // namespace rouse
