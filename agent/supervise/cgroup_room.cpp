#include "agent/supervise/cgroup_room.hpp"

#include "agent/supervise/cgroups.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"

#include <algorithm>

namespace rouse::supervise {

namespace {

void set(const std::string& root, const std::string& file, const std::string& value,
         std::vector<RoomProblem>& problems) {
    const sys::Result<> written = sys::write_file(root + "/" + file, value);
    if (written) return;
    const bool missing = written.error() == sys::error_from(ENOENT);
    problems.push_back(
        {.file = file,
         .why = missing ? "this guest has no controller for it" : written.error().message()});
}

std::uint64_t kernel_limit(const std::string& name) {
    const sys::Result<std::string> text = sys::read_file("/proc/sys/kernel/" + name);
    if (!text) return 0;
    return sys::number_after("=" + *text, "=").value_or(0);
}

} // namespace

std::vector<RoomProblem> bound_payload(const std::string& root, const proto::CgroupLimits& limits) {
    std::vector<RoomProblem> problems;
    for (const sys::CgroupSetting& setting : cgroup_settings(limits))
        set(root, "exec/" + setting.file, setting.value, problems);
    return problems;
}

std::vector<RoomProblem> protect_agent(const std::string& root, const proto::AgentConfig& agent) {
    std::vector<RoomProblem> problems;
    if (const sys::Result<> made = sys::make_directory(root + "/agent", 0755); !made) {
        problems.push_back({.file = "agent", .why = made.error().message()});
        return problems;
    }
    const std::string memory = std::to_string(agent.memory_min);
    set(root, "memory.min", memory, problems);
    set(root, "agent/memory.min", memory, problems);
    set(root, "agent/cpu.weight", std::to_string(agent.cpu_weight), problems);
    set(root, "agent/cgroup.procs", "0", problems);
    return problems;
}

std::uint64_t usual_payload_pids(std::uint64_t pid_max, std::uint64_t threads_max) {
    constexpr std::uint64_t least_reserve = 64;
    const std::uint64_t all = std::min(pid_max, threads_max);
    const std::uint64_t reserve = std::max(all / 8, least_reserve);
    return all > 2 * reserve ? all - reserve : std::max<std::uint64_t>(all / 2, 1);
}

proto::CgroupLimits with_usual_pids(proto::CgroupLimits limits) {
    const std::uint64_t pid_max = kernel_limit("pid_max");
    const std::uint64_t threads_max = kernel_limit("threads-max");
    if (!limits.pids_max && pid_max > 0 && threads_max > 0)
        limits.pids_max = usual_payload_pids(pid_max, threads_max);
    return limits;
}

} // namespace rouse::supervise
