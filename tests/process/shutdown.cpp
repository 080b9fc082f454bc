// The end that a host asks for, under `rouse run`; in a guest it is tests/vm/agent_ending.cpp.
#include "tests/process/workload_scene.hpp"
#include "tests/support/scripted_host.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <optional>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::output_of;
using test::shell;

namespace {

constexpr const char* deaf = "trap '' TERM; echo running; while :; do sleep 0.05; done";

test::HttpAnswer shut_down(const Agent& agent, const std::string& body) {
    return test::ask(agent.endpoint(), "POST", "/v1/shutdown", body);
}

test::Said rousectl_shutdown(const Agent& agent, std::vector<std::string> options) {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  agent.endpoint().target(), "shutdown"};
    argv.insert(argv.end(), options.begin(), options.end());
    return test::run_command(std::move(argv), test::patience);
}

} // namespace

TEST_CASE("a shutdown that the host asks for ends rouse run as SIGTERM does",
          "[shutdown][process]") {
    const std::string body = GENERATE("", "{}", R"({"action": "reboot", "now": false})");
    CAPTURE(body);
    const AgentPlace place;
    Agent agent(place, shell("trap 'echo told; exit 3' TERM; echo running; "
                             "while :; do sleep 0.05; done"));
    CHECK(output_of(agent, 8) == "running\n");
    const auto answer = shut_down(agent, body);
    CHECK(answer.status == 202);
    CHECK(answer.body == R"({"action":"exit","now":false,"under_way":false})");
    CHECK(agent.finish().status == 3);
}

TEST_CASE("a shutdown at once kills a command that ignores SIGTERM", "[shutdown][process]") {
    const AgentPlace place;
    Agent agent(place, shell(deaf));
    CHECK(output_of(agent, 8) == "running\n");
    CHECK(shut_down(agent, "").status == 202);
    // It goes on, and whoever asks again is told what is under way.
    const auto answer = shut_down(agent, R"({"now": true})");
    CHECK(answer.status == 202);
    CHECK(answer.body == R"({"action":"exit","now":true,"under_way":true})");
    CHECK(agent.finish().status == 137);
}

TEST_CASE("a wrong shutdown request says where, and ends nothing", "[shutdown][process]") {
    const AgentPlace place;
    const Agent agent(place, shell("exec sleep 1000"));
    struct Row {
        const char* body;
        const char* why;
    };
    for (const Row row :
         {Row{R"({"action": "halt"})", "$.action: must be poweroff or reboot"},
          Row{R"({"action": 1})", "$.action: must be"}, Row{R"({"now": 1})", "$.now: must be"},
          Row{R"({"later": true})", "$.later: "}, Row{"[]", "$: must be an object"},
          Row{"{", "$: "}}) {
        CAPTURE(row.body);
        const auto answer = shut_down(agent, row.body);
        CHECK(answer.status == 400);
        CHECK_THAT(answer.body, ContainsSubstring(row.why));
    }
    test::await_state(agent, "running");
}

TEST_CASE("rousectl shutdown ends the agent, and says what is not as it was asked",
          "[shutdown][process]") {
    const AgentPlace place;
    Agent agent(place, shell(deaf));
    CHECK(output_of(agent, 8) == "running\n");
    const test::Said asked = rousectl_shutdown(agent, {"--reboot"});
    CHECK(asked.status == 0);
    CHECK(asked.output == "exit\n");
    const test::Said again = rousectl_shutdown(agent, {"--now"});
    CHECK(again.status == 0);
    CHECK(again.output == "exit, already under way\n");
    CHECK(agent.finish().status == 137);
    // Nobody is there who could accept anything.
    const test::Said late = rousectl_shutdown(agent, {});
    CHECK(late.status == 125);
    CHECK_THAT(late.error, ContainsSubstring("rousectl: cannot reach "));
}

TEST_CASE("rousectl shutdown succeeds when the guest is gone without a word",
          "[shutdown][process]") {
    const AgentPlace place;
    std::optional<test::HostListener> guest(place.socket());
    test::Command command({lab::build_product("tools/rousectl").string(), "-H",
                           place.endpoint().target(), "shutdown", "--now"});
    {
        test::FrameConnection hybrid = guest->accept();
        CHECK(hybrid.connection().receive() == "CONNECT 1001\n");
        REQUIRE(hybrid.connection().send("OK 1\n"));
        CHECK_THAT(hybrid.connection().receive().value_or(""),
                   ContainsSubstring("POST /v1/shutdown "));
        guest.reset();
    }
    const test::Said said = command.finish(test::patience);
    CHECK(said.status == 0);
    CHECK(said.error.empty());
}
