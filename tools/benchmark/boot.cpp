#include "tools/benchmark/benches.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

namespace rouse::bench {
namespace {

constexpr double reach = 1.1; // times the bare init

/// From power-on to READY on the console, in milliseconds.
double time_boot(const Settings& settings, const std::filesystem::path& init) {
    lab::MachineOptions options;
    options.kernel = settings.kernel;
    options.agent = init;
    options.ready = lab::Ready::console;
    options.config = "{}"; // no workload: ready is when the agent serves
    return static_cast<double>(lab::Machine::boot(options).ready_after().count());
}

} // namespace

Report boot(const Settings& settings) {
    const auto agent = lab::build_product("agent/rouse");
    const auto bare = lab::build_product("tools/bare-init");
    std::vector<double> agent_times;
    std::vector<double> bare_times;
    // In turns: what else the machine does meets both.
    for (unsigned run = 0; run < settings.runs; ++run) {
        agent_times.push_back(time_boot(settings, agent));
        bare_times.push_back(time_boot(settings, bare));
    }
    const Row row{
        .bench = "boot",
        .what = "power-on to READY",
        .value = median(agent_times),
        .unit = "ms",
        .reach = reach * median(bare_times),
        .compared = fmt::format("{} x a bare C init, {:.0f} ms", reach, median(bare_times)),
        .detail = fmt::format("kernel {}, medians of {}", settings.kernel, settings.runs)};
    return {.rows = {row}, .panels = {}};
}

} // namespace rouse::bench
