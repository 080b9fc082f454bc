// `rouse run` as a supervisor: exit statuses, signals, orphans, what a child gets.
#include "tests/process/agent.hpp"
#include "tests/support/wait.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;

namespace {

test::Said run_to_end(std::vector<std::string> workload) {
    workload.insert(workload.begin(), {"run", "--"});
    return test::run_command(test::rouse(std::move(workload)), test::patience);
}

} // namespace

TEST_CASE("rouse run ends with the exit status of its command", "[run][process]") {
    const int code = GENERATE(0, 1, 2, 42, 125, 126, 127, 128, 254, 255);
    CHECK(run_to_end(payload({"exit", std::to_string(code)})).status == code);
}

TEST_CASE("rouse run ends like a shell when a signal killed its command", "[run][process]") {
    const int signal = GENERATE(SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1);
    CHECK(run_to_end(payload({"kill-self", std::to_string(signal)})).status == 128 + signal);
}

TEST_CASE("rouse run says why a command could not be started", "[run][process]") {
    const auto missing = run_to_end({"/no/such/program"});
    CHECK(missing.status == 127);
    CHECK_THAT(missing.error, ContainsSubstring("/no/such/program"));
    const auto forbidden = run_to_end({"/etc/passwd"});
    CHECK(forbidden.status == 126);
    CHECK_THAT(forbidden.error, ContainsSubstring("/etc/passwd"));
}

TEST_CASE("without a socket the command has the streams of rouse run", "[run][process]") {
    const auto said = run_to_end(payload({"say", "to stdout", "to stderr", "3"}));
    CHECK(said.status == 3);
    CHECK(said.output == "to stdout");
    CHECK_THAT(said.error, ContainsSubstring("to stderr"));
}

TEST_CASE("rouse run forwards signals to its command", "[run][process]") {
    test::Command run(test::rouse({"run", "--", payload({}).front(), "tell-signals"}));
    const auto told = [&](const std::string& text) {
        test::wait_until([&] { return run.output() == text; },
                         [&] { return run.output() + run.error(); }, test::patience);
    };
    std::string expected = "listening\n";
    told(expected);
    for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM}) {
        run.process().signal(signal);
        expected += fmt::format("{}\n", signal);
        told(expected);
    }
    CHECK(run.finish(test::patience).status == 0);
}

TEST_CASE("1 000 orphans and 300 children are reaped under rouse run", "[run][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    std::vector<std::vector<std::string>> commands{payload({"orphans", "1000"})};
    for (int child = 0; child < 300; ++child)
        commands.push_back(payload({"exit", std::to_string(child % 256)}));
    const auto results = exec_all(agent.endpoint(), commands, commands.size());
    for (int child = 0; child < 300; ++child) {
        const auto& exit = results[static_cast<std::size_t>(child) + 1].exit;
        REQUIRE(exit);
        CHECK(exit->code == static_cast<std::uint64_t>(child % 256));
    }
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/reaper/orphans") == 1000 &&
               test::number_at(status, "/reaper/children") >= 301;
    });
}

TEST_CASE("a child starts with a clean mask, dispositions and descriptors", "[run][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    const auto result = exec(agent.endpoint(), payload({"facts"}));
    INFO(result.out.bytes);
    for (const std::string fact :
         {"SigBlk=0000000000000000\n", "SigIgn=0000000000000000\n", "leads-session=1\n",
          "leads-group=1\n", "descriptors=0 1 2\n", "oom_score_adj=0\n"})
        CHECK_THAT(result.out.bytes, ContainsSubstring(fact));
}

TEST_CASE("the agent tells its state to root inside and to the host", "[run][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    const auto debug = [&](std::vector<std::string> more) {
        std::vector<std::string> arguments{"debug", "status", "--socket", place.socket().string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return test::run_command(test::rouse(std::move(arguments)), test::patience);
    };
    // It answers before its workload has started.
    test::wait_until(
        [&] {
            return test::text_at(test::status(agent.endpoint()), "/workload/state") == "running";
        },
        [] { return std::string("the workload does not run"); }, test::patience);
    const auto told = debug({"--json"});
    INFO(told.output << told.error);
    REQUIRE(told.status == 0);
    const auto status = proto::parse_json(told.output).value();
    CHECK(test::text_at(status, "/workload/state") == "running");
    CHECK(test::text_at(status, "/boot_id") ==
          test::text_at(test::status(agent.endpoint()), "/boot_id"));
    CHECK_THAT(debug({}).output, ContainsSubstring("workload") && ContainsSubstring("running"));
}

TEST_CASE("wrong arguments are refused with the usage", "[run][process]") {
    for (const std::vector<std::string>& arguments :
         std::vector<std::vector<std::string>>{{"run"},
                                               {"run", "--frobnicate"},
                                               {"run", "--socket"},
                                               {"frobnicate"},
                                               {"debug"},
                                               {"debug", "everything"}}) {
        INFO(fmt::format("{}", fmt::join(arguments, " ")));
        const auto said = test::run_command(test::rouse(arguments), test::patience);
        CHECK(said.status == 2);
        CHECK_THAT(said.error, ContainsSubstring("rouse run"));
    }
}
