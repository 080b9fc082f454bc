// rouse-bench [NAME…] [--json]: measures and says what is met and what is not.
#include "initramfs/file.hpp"
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/plot.hpp"
#include "tools/lab/places.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>

namespace {

using namespace rouse;

struct Bench {
    const char* name;
    bench::Report (*measure)(const bench::Settings&);
};

constexpr std::array benches = {Bench{"size", bench::size}, Bench{"boot", bench::boot},
                                Bench{"reap", bench::reap}, Bench{"relay", bench::relay},
                                Bench{"exec", bench::exec}, Bench{"restore", bench::restore}};

struct Arguments {
    std::vector<std::string> names;
    bench::Settings settings;
    bool json = false;
};

void declare(CLI::App& app, Arguments& to) {
    std::vector<std::string> known;
    for (const Bench& bench : benches)
        known.emplace_back(bench.name);
    app.add_option(
           "NAME", to.names,
           "what to measure: size, boot, reap, relay, exec, restore; everything when not given")
        ->check(CLI::IsMember(known));
    app.add_flag("--json", to.json, "one JSON document instead of a table");
    app.add_option("--kernel", to.settings.kernel, "of the guests of size and boot")
        ->capture_default_str();
    app.add_option("--runs", to.settings.runs, "of each thing that is timed")
        ->check(CLI::Range(5, 1000))
        ->capture_default_str();
}

/// Keeps us and what we start on one processor, so that its caches and its clock are the same for
/// both sides of a comparison.
void pin() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    std::size_t last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &allowed))
        --last;
    CPU_ZERO(&allowed);
    CPU_SET(last, &allowed);
    (void)sched_setaffinity(0, sizeof allowed, &allowed); // then it is noisier, and still right
}

/// Writes the plot of a report that has something to plot; where it is.
std::filesystem::path draw(const std::string& name, const bench::Report& report) {
    if (report.panels.empty()) return {};
    const auto file = lab::build_product("bench") / (name + ".svg");
    std::filesystem::create_directories(file.parent_path());
    initramfs::write_file(file, bench::plot("rouse bench: " + name, report.panels));
    return file;
}

void print(const bench::Report& report, const std::filesystem::path& plot) {
    fmt::print("{}", bench::table(report.rows));
    if (plot.empty()) return;
    fmt::print("\n{}\nplot: {}\n", bench::table(report.panels), plot.string());
}

int run(int argc, char** argv) {
    CLI::App app("Measures the agent, each row beside what is to be reached.");
    Arguments arguments;
    declare(app, arguments);
    CLI11_PARSE(app, argc, argv);
    pin();
    boost::json::array rows;
    boost::json::object plots;
    for (const Bench& bench : benches) {
        const auto& names = arguments.names;
        if (!names.empty() && std::find(names.begin(), names.end(), bench.name) == names.end())
            continue;
        const auto report = bench.measure(arguments.settings);
        const auto file = draw(bench.name, report);
        if (!arguments.json) print(report, file);
        for (auto& row : bench::to_json(report.rows))
            rows.push_back(std::move(row));
        if (!file.empty())
            plots[bench.name] = {{"file", file.string()}, {"panels", to_json(report.panels)}};
    }
    if (arguments.json)
        fmt::print("{}\n",
                   boost::json::serialize(boost::json::object{{"rows", rows}, {"plots", plots}}));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // What cannot be printed has nowhere else to go.
        (void)std::fputs("rouse-bench: ", stderr);
        (void)std::fputs(error.what(), stderr);
        (void)std::fputs("\n", stderr);
        return 1;
    }
}
