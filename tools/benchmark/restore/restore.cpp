// `tools/bench restore`: what a restore costs the agent, and how soon a restored machine answers.
#include "initramfs/file.hpp"
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/question.hpp"
#include "tools/benchmark/restore/guest.hpp"
#include "tools/benchmark/restore/native.hpp"
#include "tools/benchmark/timeline.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace rouse::bench {
namespace {

constexpr double own_reach = 5;      // ms of the chain that are the agent's own
constexpr double dirty_reach = 64;   // pages
constexpr double exec_reach = 1.5;   // times the same before the restore, natively
constexpr double guest_reach = 1000; // ms for each of ten commands in a VM
constexpr unsigned chains_a_run = 8;

Row restore_row(std::string what, double value, std::string unit, double reach,
                std::string compared, std::string detail) {
    return {.bench = "restore",
            .what = std::move(what),
            .value = value,
            .unit = std::move(unit),
            .reach = reach,
            .compared = std::move(compared),
            .detail = std::move(detail)};
}

Row told_row(std::string what, double value, std::string unit, std::string compared,
             std::string detail) {
    Row row = restore_row(std::move(what), value, std::move(unit), 0, std::move(compared),
                          std::move(detail));
    row.aim = Aim::none;
    return row;
}

Panel steps_panel(std::string title, const ChainFigures& figures) {
    Panel panel{.title = std::move(title), .unit = "us", .better = "lower", .bars = {}};
    for (const auto& [name, duration] : figures.steps)
        panel.bars.push_back({.label = "agent " + name, .value = duration});
    panel.bars.push_back({.label = "whole chain", .value = figures.total_us});
    return panel;
}

/// Medians of ten commands at once, before a restore and right after one.
std::pair<double, double> execs_around_restores(const Subject& subject, unsigned runs) {
    std::vector<double> before;
    std::vector<double> after;
    for (unsigned run = 0; run < runs; ++run) {
        before.push_back(parallel_execs(subject.target()).back());
        (void)subject.restore();
        after.push_back(parallel_execs(subject.target()).back());
    }
    return {median(std::move(before)), median(std::move(after))};
}

void measure_natively(Report& report, unsigned runs) {
    const NativeAgent agent;
    (void)agent.subject().restore(); // what is done for the first time does not count
    std::vector<ChainRun> chains;
    for (unsigned run = 0; run < chains_a_run * runs; ++run)
        chains.push_back(agent.subject().restore());
    const ChainFigures figures = figures_of(chains);
    const std::string how = fmt::format("Unix sockets, collector, medians of {}", chains.size());
    report.rows.push_back(restore_row("agent's own share of the chain", figures.own_us / 1000, "ms",
                                      own_reach, "a fixed limit",
                                      "all steps but waiting for the host; " + how));
    report.rows.push_back(restore_row("agent's processor time of a chain", figures.cpu_us / 1000,
                                      "ms", own_reach, "a fixed limit", how));
    report.panels.push_back(steps_panel("steps of the chain, native", figures));
    const auto [before, after] = execs_around_restores(agent.subject(), runs);
    report.rows.push_back(restore_row("10 parallel rousectl exec after a restore", after, "ms",
                                      exec_reach * before,
                                      fmt::format("{} x before, {:.1f} ms", exec_reach, before),
                                      fmt::format("the slowest, medians of {}", runs)));
}

void count_system_calls(Report& report) {
    const Calls calls = trace_chain();
    std::uint64_t forks = 0;
    for (const char* name : {"fork", "vfork", "clone", "clone3"})
        if (const auto found = calls.find(name); found != calls.end()) forks += found->second;
    std::uint64_t all = 0;
    std::vector<std::pair<std::string, std::uint64_t>> most(calls.begin(), calls.end());
    for (const auto& [name, count] : most)
        all += count;
    std::ranges::stable_sort(most, std::ranges::greater(),
                             &std::pair<std::string, std::uint64_t>::second);
    std::string named;
    for (const auto& [name, count] : most)
        named += fmt::format("{}{} {}", named.empty() ? "" : ", ", count, name);
    report.rows.push_back(restore_row("forks before CONFIRM", static_cast<double>(forks), "", 0,
                                      "none", "strace -f, from request to CONFIRM"));
    report.rows.push_back(
        told_row("system calls before CONFIRM", static_cast<double>(all), "", "reported", named));
}

void draw_timeline(const AgentGuestFigures& figures, const std::string& kernel) {
    const auto file = lab::build_product("bench") / "restore-timeline.svg";
    std::filesystem::create_directories(file.parent_path());
    initramfs::write_file(file, timeline(fmt::format("rouse: one restore in a VM ({}, kernel {})",
                                                     figures.rig, kernel),
                                         figures.last_restore));
}

void measure_in_guest(Report& report, const std::string& kernel, unsigned runs) {
    const AgentGuestFigures figures = measure_agent_guest(kernel, runs);
    const std::vector<double> echo = measure_echo_guest(kernel, runs);
    const ChainFigures chains = figures_of(figures.chains);
    const std::string how =
        fmt::format("rig {}, kernel {}, medians of {}", figures.rig, kernel, runs);
    if (chains.dirty_pages)
        report.rows.push_back(restore_row("pages dirtied by a chain", *chains.dirty_pages, "",
                                          dirty_reach, "a fixed limit",
                                          "soft-dirty, request to answer and output; " + how));
    report.rows.push_back(told_row("first answer of a restored machine",
                                   median(figures.first_answer), "ms",
                                   fmt::format("bare echo server {:.1f} ms", median(echo)), how));
    report.rows.push_back(told_row("output of a restored machine", median(figures.output), "ms",
                                   "both connections, after which hosts may exec", how));
    report.rows.push_back(restore_row(
        "10 parallel rousectl exec in a restored VM", median(figures.slowest_exec), "ms",
        guest_reach,
        fmt::format("1 s each; before the snapshot {:.0f} ms, at once again {:.0f} ms",
                    median(figures.execs_before), median(figures.execs_again)),
        "the slowest; where the rig emulates, the first pay for translating all code; " + how));
    report.panels.push_back(
        steps_panel(fmt::format("steps of the chain in a VM, kernel {}", kernel), chains));
    report.panels.push_back(
        {.title = "restored machine: until it answers",
         .unit = "ms",
         .better = "lower",
         .bars = {{.label = "agent, exec port", .value = median(figures.first_answer)},
                  {.label = "agent, output connected", .value = median(figures.output)},
                  {.label = "bare echo server", .value = median(echo)}}});
    draw_timeline(figures, kernel);
}

} // namespace

Report restore(const Settings& settings) {
    Report report;
    measure_natively(report, settings.runs);
    count_system_calls(report);
    measure_in_guest(report, settings.kernel, settings.runs);
    return report;
}

} // namespace rouse::bench
