// `tools/bench exec`: a short command, run by the agent and by its peers.
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/exec/crowd.hpp"
#include "tools/benchmark/exec/guest_peers.hpp"
#include "tools/benchmark/exec/round_trip.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace rouse::bench {

namespace {

constexpr double spawn_reach = 1.6; // times posix_spawn and wait
constexpr double socat_reach = 1.5; // times faster than socat
constexpr double crowd_reach = 64;  // KiB of the agent's memory for each session
constexpr unsigned crowd_size = 1000;
constexpr unsigned rounds_a_run = 40;
constexpr unsigned guest_rounds_a_run = 8;

Row exec_row(std::string what, double value, double aim, std::string compared,
             const std::string& detail) {
    return {.bench = "exec",
            .what = std::move(what),
            .value = value,
            .unit = "us",
            .reach = aim,
            .compared = std::move(compared),
            .detail = detail};
}

lab::Process start_agent(const std::filesystem::path& folder) {
    return lab::Process::start(
        {.argv = {lab::build_product("agent/rouse").string(), "run", "--socket",
                  (folder / "agent").string(), "--", "sleep", "3600"},
         .log = folder / "agent.log"});
}

/// Every candidate in microseconds, the median of all its rounds.
std::vector<double> medians_of(const std::vector<Candidate>& candidates, unsigned rounds) {
    std::vector<double> medians;
    for (const auto& times : time_candidates(candidates, rounds))
        medians.push_back(median(times));
    return medians;
}

Panel panel_of(std::string title, const std::vector<Candidate>& candidates,
               const std::vector<double>& times) {
    Panel panel{.title = std::move(title), .unit = "us", .better = "lower", .bars = {}};
    for (std::size_t i = 0; i < candidates.size(); ++i)
        panel.bars.push_back({.label = candidates[i].name, .value = times[i]});
    return panel;
}

/// Over a Unix socket of this machine, whose agent takes in the crowd, too.
void measure_natively(Report& report, unsigned rounds) {
    const lab::Directory directory = lab::Directory::temporary("bench");
    const auto& folder = directory.path();
    const lab::Process agent = start_agent(folder);
    const lab::Process socat = lab::Process::start(
        {.argv = {"socat", fmt::format("UNIX-LISTEN:{},fork", (folder / "socat").string()),
                  "EXEC:/bin/true"},
         .log = folder / "socat.log"});
    AgentCaller caller([&] { return connect_blocking(folder / "agent"); });
    const std::vector<std::string> rousectl{lab::build_product("tools/rousectl").string(),
                                            "-H",
                                            "unix:" + (folder / "agent").string(),
                                            "exec",
                                            "--",
                                            "true"};
    const std::vector<Candidate> candidates{
        {"posix_spawn and wait", [] { spawn_and_wait({"/bin/true"}); }},
        {"agent, connection kept", [&] { caller.run_kept(); }},
        {"agent, new connection", [&] { caller.run_fresh(); }},
        {"socat fork EXEC", [&] { read_to_end(connect_blocking(folder / "socat")); }},
        {"rousectl exec", [&] { spawn_and_wait(rousectl); }}};
    const std::vector<double> times = medians_of(candidates, rounds);
    const std::string how = fmt::format("Unix socket, medians of {} in turns", rounds);
    report.rows.push_back(
        exec_row("/bin/true, connection kept", times[1], spawn_reach * times[0],
                 fmt::format("{} x posix_spawn+wait, {:.0f} us", spawn_reach, times[0]), how));
    report.rows.push_back(
        exec_row("/bin/true, new connection", times[2], times[3] / socat_reach,
                 fmt::format("socat fork EXEC, {:.0f} us, / {}", times[3], socat_reach), how));
    report.panels.push_back(panel_of("/bin/true, Unix socket", candidates, times));
    const double kibibytes = memory_of_crowd(folder / "agent", agent.pid(), crowd_size);
    report.rows.push_back({.bench = "exec",
                           .what = fmt::format("memory of one of {} sessions", crowd_size),
                           .value = kibibytes,
                           .unit = "KiB",
                           .reach = crowd_reach,
                           .compared = "a fixed limit",
                           .detail = "growth of the agent's anonymous memory"});
}

/// Over vsock. What the guest needs for a process of its own is shown, not compared: the way to the
/// guest and back is longer than that.
void measure_in_guest(Report& report, const std::string& kernel, unsigned rounds) {
    GuestPeers guest(kernel);
    const std::vector<Candidate> candidates{
        {"agent, new connection", [&] { guest.run_by_agent(); }},
        {"socat fork EXEC", [&] { guest.run_by_socat(); }},
        {"rousectl exec", [&] { guest.run_by_rousectl(); }},
        {"ssh ControlMaster", [&] { guest.run_by_ssh(); }}};
    const std::vector<double> times = medians_of(candidates, rounds);
    const std::string how = fmt::format("vsock, kernel {}, medians of {} in turns", kernel, rounds);
    report.rows.push_back(
        exec_row("/bin/true in the VM, new connection", times[0], times[1] / socat_reach,
                 fmt::format("socat fork EXEC, {:.0f} us, / {}", times[1], socat_reach), how));
    report.rows.push_back(exec_row("/bin/true in the VM, rousectl exec", times[2], times[3],
                                   fmt::format("ssh ControlMaster, {:.0f} us", times[3]), how));
    Panel panel = panel_of("/bin/true, vsock", candidates, times);
    panel.bars.insert(panel.bars.begin(), {.label = "posix_spawn and wait, in the guest",
                                           .value = guest.spawn_time(rounds)});
    report.panels.push_back(std::move(panel));
}

} // namespace

Report exec(const Settings& settings) {
    Report report;
    measure_natively(report, rounds_a_run * settings.runs);
    measure_in_guest(report, settings.kernel, guest_rounds_a_run * settings.runs);
    return report;
}

} // namespace rouse::bench
