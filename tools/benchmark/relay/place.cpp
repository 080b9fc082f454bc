#include "tools/benchmark/relay/place.hpp"

#include <boost/json.hpp>
namespace rouse::bench {

namespace json = boost::json;

std::string agent_config(const std::string& send, const std::vector<std::string>& workload) {
    const json::object block{{"policy", "block"}};
    json::object config{{"output", {{"stdout", block}, {"stderr", block}, {"send", send}}}};
    if (!workload.empty()) config["workload"] = json::object{{"argv", json::value_from(workload)}};
    return json::serialize(config);
}

std::string agent_name(const std::string& send) {
    return send == by_default ? "agent" : "agent, output.send=" + send;
}

} // namespace rouse::bench
