#include "agent/boot/timeline.hpp"

#include <boost/json.hpp>

namespace rouse::boot {

namespace json = boost::json;

namespace {

json::object step_json(const TimedStep& step) {
    json::object object{{"name", step.name}, {"outcome", name(step.outcome)}};
    if (step.outcome != TimedStep::Outcome::not_begun) {
        object["start_us"] = step.start.count();
        object["duration_us"] = step.duration.count();
    }
    if (const std::string detail = step.detail(); !detail.empty()) object["detail"] = detail;
    return object;
}

} // namespace

json::object to_json(const Timeline& timeline) {
    json::array steps;
    for (const TimedStep& step : timeline.steps)
        steps.push_back(step_json(step));
    json::object document{{"init_us", timeline.init.count()},
                          {"steps", std::move(steps)},
                          {"agent_us", timeline.agent.count()},
                          {"ready_us", nullptr}};
    if (timeline.ready) document["ready_us"] = timeline.ready->count();
    return document;
}

} // namespace rouse::boot
