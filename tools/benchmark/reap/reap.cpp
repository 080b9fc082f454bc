// `tools/bench reap`: what it costs an init to reap 10 000 orphans, at once and one by one.
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/reap/container.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace rouse::bench {
namespace {

constexpr unsigned family_size = 10'000;
constexpr unsigned times_at_once = 2; // a run: it is soon over, and the more noisy
constexpr double zombies_reach = 60;  // ms of processor time

/// A program that does the same, and what it was measured to do.
struct Contender {
    std::string name;
    std::vector<std::string> words;
    std::vector<Reaping> at_once = {};
    std::vector<Reaping> one_by_one = {};
};

/// The agent first; the peers that are to be beaten come right after it.
std::vector<Contender> contenders() {
    return {{.name = "agent", .words = {lab::build_product("agent/rouse").string(), "run", "--"}},
            {.name = "tini", .words = {"tini", "--"}},
            {.name = "dumb-init", .words = {"dumb-init", "--"}},
            {.name = "catatonit", .words = {"catatonit", "--"}}};
}

double median_figure(const std::vector<Reaping>& all, double Reaping::*figure) {
    std::vector<double> values;
    for (const Reaping& reaping : all)
        values.push_back(reaping.*figure);
    return median(std::move(values));
}

Panel reap_panel(std::string title, const std::vector<Contender>& all,
                 std::vector<Reaping> Contender::*scene, double Reaping::*figure) {
    Panel panel{.title = std::move(title), .unit = "ms", .better = "lower", .bars = {}};
    for (const Contender& one : all)
        panel.bars.push_back({.label = one.name, .value = median_figure(one.*scene, figure)});
    return panel;
}

double most_left(const Contender& one) {
    double most = 0;
    for (const auto& scene : {one.at_once, one.one_by_one})
        for (const Reaping& reaping : scene)
            most = std::max(most, reaping.left);
    return most;
}

Row reap_row(std::string what, double value, std::string unit, double reach, std::string compared,
             const std::string& detail) {
    return {.bench = "reap",
            .what = std::move(what),
            .value = value,
            .unit = std::move(unit),
            .reach = reach,
            .compared = std::move(compared),
            .detail = detail};
}

/// What of the first bar is to be beaten: the better of the next two.
double better_peer(const Panel& panel) {
    return std::min(panel.bars.at(1).value, panel.bars.at(2).value);
}

std::string peers_text(const Panel& panel) {
    std::string text;
    for (std::size_t peer = 1; peer < panel.bars.size(); ++peer)
        text += fmt::format("{}{} {:.1f} ms", text.empty() ? "" : ", ", panel.bars[peer].label,
                            panel.bars[peer].value);
    return text;
}

Report report_of(const std::vector<Contender>& all) {
    const auto how = [](std::size_t times) {
        return fmt::format("schedstat of PID 1 of a PID namespace, medians of {}", times);
    };
    const Panel zombies = reap_panel("10 000 zombies at once, processor time", all,
                                     &Contender::at_once, &Reaping::processor_ms);
    const Panel one_by_one_panel = reap_panel("10 000 orphans one by one, processor time", all,
                                              &Contender::one_by_one, &Reaping::processor_ms);
    const double zombies_ms = zombies.bars.front().value;
    const std::string zombies_how = how(all.front().at_once.size());
    Row orphans = reap_row("10 000 orphans one by one", one_by_one_panel.bars.front().value, "ms",
                           0, peers_text(one_by_one_panel), how(all.front().one_by_one.size()));
    orphans.aim = Aim::none;
    return {
        .rows = {reap_row("10 000 zombies at once", zombies_ms, "ms", zombies_reach,
                          "a fixed limit", zombies_how),
                 reap_row("10 000 zombies at once, beside peers", zombies_ms, "ms",
                          better_peer(zombies),
                          "the better of tini and dumb-init: " + peers_text(zombies), zombies_how),
                 reap_row("zombies that are left", most_left(all.front()), "", 0, "none",
                          "the most of all runs, at once and one by one"),
                 orphans},
        .panels = {zombies,
                   reap_panel("10 000 zombies at once, until the last is gone", all,
                              &Contender::at_once, &Reaping::wall_ms),
                   one_by_one_panel}};
}

} // namespace

Report reap(const Settings& settings) {
    std::vector<Contender> all = contenders();
    // In turns: what else the machine does meets all of them.
    for (unsigned run = 0; run < settings.runs; ++run)
        for (Contender& one : all) {
            Container container(one.words);
            for (unsigned time = 0; time < times_at_once; ++time)
                one.at_once.push_back(container.reap_at_once(family_size));
            one.one_by_one.push_back(container.reap_one_by_one(family_size));
        }
    return report_of(all);
}

} // namespace rouse::bench
