// A guest that takes its boot document from the metadata service.
#include "tests/process/workload_scene.hpp"
#include "tests/support/live_mmds.hpp"
#include "tests/support/wait.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::await_state;
using test::events_of;
using test::LiveMmds;

namespace {

namespace json = boost::json;

/// What the host puts: a document with this configuration where the agent looks for it.
json::value boot_data(const json::value& config) {
    return {{"rouse", {{"restore", {{"config", config}}}}}};
}

/// Of an agent that waits for the document of this service.
std::string waiting_config(const LiveMmds& service) {
    const json::object mmds = service.config({{"version", "v1"}});
    return json::serialize(json::object{{"boot", "mmds"}, {"restore", {{"mmds", mmds}}}});
}

const json::value sleeper{{"workload", {{"argv", {"/bin/sleep", "1000"}}}}};

std::size_t count(const std::string& events, const std::string& type) {
    const std::string mark = "\"type\":\"" + type + "\"";
    std::size_t found = 0;
    for (std::size_t at = events.find(mark); at != std::string::npos;
         at = events.find(mark, at + 1))
        ++found;
    return found;
}

} // namespace

TEST_CASE("a wrong boot document in the metadata service is told once, however often it is read",
          "[workload][mmds][process]") {
    constexpr std::size_t readings = 6;
    LiveMmds service(boot_data({{"ports", {{"exec", 7}}}}), {.tokens = false});
    const AgentPlace place;
    const Agent agent(place, {}, waiting_config(service));
    test::wait_until([&] { return service.requests().size() >= readings; },
                     [] { return "it is not asked"; }, test::patience);
    CHECK(count(events_of(agent), "boot_document") == 1);
    service.put(boot_data(sleeper));
    await_state(agent, "running");
    CHECK(count(events_of(agent), "boot_document") == 2);
}

TEST_CASE("a workload that the metadata service brings starts when the gate is open",
          "[workload][restore][mmds][process]") {
    const LiveMmds service(boot_data(sleeper), {.tokens = false});
    const AgentPlace place;
    // The chain of the boot pauses again and again while the gate is still shut.
    const Agent agent(place, {}, waiting_config(service),
                      {{"ROUSE_FAILPOINTS",
                        "restore-before-fence=1,restore-after-fence=1,restore-before-rebind=1,"
                        "restore-after-rebind=1"}});
    await_state(agent, "running");
    const std::string events = events_of(agent);
    INFO(events);
    const std::size_t done = events.find("\"type\":\"chain_ended\"");
    REQUIRE(done != std::string::npos);
    CHECK(events.find("\"type\":\"boot_document\"") < done);
    CHECK(events.find("\"type\":\"workload_started\"") > done);
}
