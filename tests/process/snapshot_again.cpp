// A preparation that comes while the one before it is still being undone.
#include "tests/process/exec_scene.hpp"
#include "tests/process/snapshot_scene.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <filesystem>

using namespace rouse;
using test::Agent;
using test::AgentPlace;
using test::prepare;

TEST_CASE("what was prepared while the preparation before was undone goes on after a restore, too",
          "[snapshot][process]") {
    const AgentPlace place;
    const auto undoing = place.folder() / "undoing";
    const Agent agent(
        place, test::idle_workload(),
        fmt::format(
            R"({{"hooks": {{"prepare": ["true"], "resume": ["sh", "-c", "mkdir -p {}; sleep 1"]}}}})",
            undoing.string()));
    REQUIRE(prepare(agent.endpoint(), R"({"lease_ms": 100})").state == "prepared");
    test::wait_until([&] { return std::filesystem::exists(undoing); },
                     [] { return std::string("the lease does not run out"); }, test::patience);
    // It waits for the hook, and hears of the end of the lease before its own turn comes.
    REQUIRE(prepare(agent.endpoint(), R"({"lease_ms": 60000})").state == "prepared");
    REQUIRE(test::is_frozen(agent.endpoint(), "main"));

    const auto answer =
        ask(agent.endpoint(), "POST", "/v1/restore",
            R"({"generation": "7a3f0c55-1c2d-4c1e-8a55-0d7f5b1b6c21", "entropy": "AAEC"})");
    INFO(answer.body);
    CHECK(answer.status == 200);
    CHECK_FALSE(test::is_frozen(agent.endpoint(), "main"));
    CHECK(ask(agent.endpoint(), "POST", "/v1/exec", R"({"argv": ["true"]})").status == 200);
}
