#include "tools/benchmark/boot/split.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace rouse::bench {
namespace {

constexpr double microseconds_a_millisecond = 1000;

/// A number of microseconds, as milliseconds.
double milliseconds_in(const boost::json::object& object, std::string_view member) {
    const boost::json::value* const value = object.if_contains(member);
    if (value == nullptr || !value->is_number())
        throw std::runtime_error(
            "no " + std::string(member) +
            " in what the agent says of its boot: " + boost::json::serialize(object));
    return value->to_number<double>() / microseconds_a_millisecond;
}

} // namespace

BootSplit split_of(const boost::json::object& boot, double first_output_us, double ready_after_ms) {
    const double init = milliseconds_in(boot, "init_us");
    const double agent = milliseconds_in(boot, "agent_us");
    const double ready = milliseconds_in(boot, "ready_us");
    return {.machine = ready_after_ms - ready,
            .kernel = init,
            .steps = agent - init,
            .agent = ready - agent,
            .workload = first_output_us / microseconds_a_millisecond - ready};
}

std::vector<Span> spans_of(const boost::json::object& boot, const BootSplit& split) {
    const double init = split.machine + split.kernel;
    std::vector<Span> spans{
        {.name = "machine", .begin_ms = 0, .length_ms = split.machine, .by = Span::By::others},
        {.name = "kernel",
         .begin_ms = split.machine,
         .length_ms = split.kernel,
         .by = Span::By::others}};
    const boost::json::value* const steps = boot.if_contains("steps");
    if (steps == nullptr || !steps->is_array())
        throw std::runtime_error("no steps in what the agent says of its boot");
    for (const boost::json::value& one : steps->get_array()) {
        const boost::json::object& step = one.as_object();
        if (!step.contains("start_us")) continue; // it was not begun
        const auto outcome = boost::json::value_to<std::string>(step.at("outcome"));
        spans.push_back({.name = boost::json::value_to<std::string>(step.at("name")),
                         .begin_ms = split.machine + milliseconds_in(step, "start_us"),
                         .length_ms = milliseconds_in(step, "duration_us"),
                         .by = outcome == "failed" ? Span::By::failed : Span::By::agent,
                         .said = outcome});
    }
    spans.push_back({.name = "agent",
                     .begin_ms = init + split.steps,
                     .length_ms = split.agent,
                     .by = Span::By::agent,
                     .said = "until READY"});
    spans.push_back({.name = "workload",
                     .begin_ms = init + split.steps + split.agent,
                     .length_ms = std::max(split.workload, 0.0),
                     .by = Span::By::others,
                     .said = "until its first output"});
    return spans;
}

} // namespace rouse::bench
