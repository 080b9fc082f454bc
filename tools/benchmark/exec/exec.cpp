// `tools/bench exec`: a short command, run by the agent and by its peers.
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/exec/crowd.hpp"
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

/// `times`: posix_spawn, the agent over a connection kept, over a new one, socat.
std::vector<Row> exec_rows(const std::vector<double>& times, const std::string& how) {
    return {exec_row("/bin/true, connection kept", times[1], spawn_reach * times[0],
                     fmt::format("{} x posix_spawn+wait, {:.0f} us", spawn_reach, times[0]), how),
            exec_row("/bin/true, new connection", times[2], times[3] / socat_reach,
                     fmt::format("socat fork EXEC, {:.0f} us, / {}", times[3], socat_reach), how)};
}

} // namespace

Report exec(const Settings& settings) {
    const lab::Directory directory = lab::Directory::temporary("bench");
    const auto& folder = directory.path();
    const lab::Process agent = start_agent(folder);
    const lab::Process socat = lab::Process::start(
        {.argv = {"socat", fmt::format("UNIX-LISTEN:{},fork", (folder / "socat").string()),
                  "EXEC:/bin/true"},
         .log = folder / "socat.log"});
    AgentCaller caller(folder / "agent");
    const std::string rousectl = lab::build_product("tools/rousectl").string();
    const std::string target = "unix:" + (folder / "agent").string();
    const std::vector<Candidate> candidates{
        {"posix_spawn and wait", [] { spawn_and_wait({"/bin/true"}); }},
        {"agent, connection kept", [&] { caller.run_kept(); }},
        {"agent, new connection", [&] { caller.run_fresh(); }},
        {"socat fork EXEC", [&] { run_by_socat(folder / "socat"); }},
        {"rousectl exec", [&] {
             spawn_and_wait({rousectl, "-H", target, "exec", "--", "true"});
         }}};
    const unsigned rounds = rounds_a_run * settings.runs;
    const std::vector<double> times = medians_of(candidates, rounds);
    Report report;
    report.rows = exec_rows(times, fmt::format("Unix socket, medians of {} in turns", rounds));
    Panel panel{.title = "/bin/true", .unit = "us", .better = "lower", .bars = {}};
    for (std::size_t i = 0; i < candidates.size(); ++i)
        panel.bars.push_back({.label = candidates[i].name, .value = times[i]});
    report.panels.push_back(std::move(panel));
    const double kibibytes = memory_of_crowd(folder / "agent", agent.pid(), crowd_size);
    report.rows.push_back({.bench = "exec",
                           .what = fmt::format("memory of one of {} sessions", crowd_size),
                           .value = kibibytes,
                           .unit = "KiB",
                           .reach = crowd_reach,
                           .compared = "a fixed limit",
                           .detail = "growth of the agent's anonymous memory"});
    return report;
}

} // namespace rouse::bench
