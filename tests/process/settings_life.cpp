// What settings of the workload's life, of hooks and of who is let in change. tests/README.md says
// which tests show the others.
#include "initramfs/file.hpp"
#include "tests/process/exec_scene.hpp"
#include "tests/process/workload_scene.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::await_state;
using test::events_of;
using test::shell;

namespace {

/// The one that lasts.
constexpr std::uint64_t fourth_run = 4;

/// A workload that fails in its first three runs.
std::vector<std::string> lasting_workload(const AgentPlace& place) {
    return shell(fmt::format("cd {}; echo >> runs; [ $(wc -l < runs) -lt {} ] && exit 7; "
                             "exec sleep 1000",
                             place.folder().string(), fourth_run));
}

using Pauses = std::vector<std::uint64_t>;

/// How long each of three restarts waited under this policy, in milliseconds.
Pauses pauses_under(const std::string& policy) {
    const AgentPlace place;
    const Agent agent(place, lasting_workload(place), fmt::format(R"({{"restart": {}}})", policy));
    await_state(agent, "running", fourth_run);
    Pauses pauses;
    std::istringstream events(events_of(agent));
    for (std::string line; std::getline(events, line);) {
        const boost::json::value event = boost::json::parse(line);
        if (test::text_at(event, "/type") == "workload_restarting")
            pauses.push_back(test::number_at(event, "/body/pause_ms"));
    }
    return pauses;
}

/// The status of the answer to a request with these header fields.
int status_with(const Agent& agent, std::string_view fields) {
    test::Connection connection = agent.endpoint().connect();
    REQUIRE(connection.send(test::request_text("GET", "/v1/status", {}, fields)));
    return read_answer(connection).status;
}

} // namespace

TEST_CASE("pauses before restarts grow up to the longest, and not after runs that were healthy",
          "[workload][process]") {
    CHECK(pauses_under(R"({"policy": "on-failure", "delay_ms": 10, "delay_max_ms": 15})") ==
          Pauses{10, 15, 15});
    // Every run lasts so long.
    CHECK(pauses_under(R"({"policy": "on-failure", "delay_ms": 10, "healthy_ms": 0})") ==
          Pauses{10, 10, 10});
}

TEST_CASE("restarts that are farther apart than the window are never too many",
          "[workload][process]") {
    const AgentPlace place;
    const Agent agent(
        place, lasting_workload(place),
        R"({"restart": {"policy": "always", "delay_ms": 10, "max": 1, "window_ms": 1}})");
    await_state(agent, "running", fourth_run);
    CHECK_THAT(events_of(agent), !ContainsSubstring("workload_exit"));
}

TEST_CASE("two looks whether a workload is ready are the configured time apart",
          "[workload][process]") {
    const AgentPlace place;
    const std::string looks = (place.folder() / "looks").string();
    const Agent agent(place, shell("exec sleep 1000"),
                      fmt::format(R"({{"ready": {{
        "interval_ms": 700, "command": ["/bin/sh", "-c",
            "cut -d' ' -f1 /proc/uptime >> {0}; test $(wc -l < {0}) -ge 3"]}}}})",
                                  looks));
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return status.at_pointer("/workload/ready").as_bool();
    });
    std::istringstream text(test::text_of(looks));
    const std::vector<double> seconds{std::istream_iterator<double>(text), {}};
    REQUIRE(seconds.size() == 3);
    // The kernel says them in hundredths, and the usual time is 0.2 s.
    CHECK(seconds[1] - seconds[0] > 0.68);
    CHECK(seconds[2] - seconds[1] > 0.68);
}

TEST_CASE("with a token file whoever shows its token is answered, and nobody else", "[process]") {
    const AgentPlace place;
    const auto file = place.folder() / "token";
    initramfs::write_file(file, "0123456789abcdef\nanother line\n");
    const Agent agent(place, shell("exec sleep 1000"),
                      fmt::format(R"({{"token_file": "{}"}})", file.string()));
    CHECK(status_with(agent, "") == 401);
    CHECK(status_with(agent, "Authorization: Bearer another line\r\n") == 401);
    CHECK(status_with(agent, "Authorization: Bearer 0123456789abcdef\r\n") == 200);
    // A host that probes shows nothing: it does not know yet whom it has reached.
    CHECK(test::ask(agent.endpoint(), "GET", "/v1/ready?nonce=n").status == 200);
}

TEST_CASE("the hook of a restored machine runs after the restore, and knows its generation",
          "[restore][process]") {
    const AgentPlace place;
    const auto said = place.folder() / "said";
    const Agent agent(place, shell("exec sleep 1000"),
                      fmt::format(R"({{"hooks": {{
        "restored": ["/bin/sh", "-c", "echo $ROUSE_HOOK $ROUSE_KIND $ROUSE_GENERATION > {}"]}}}})",
                                  said.string()));
    const std::string generation = lab::random_uuid();
    const auto answer = test::ask(agent.endpoint(), "POST", "/v1/restore",
                                  fmt::format(R"({{"generation": "{}"}})", generation));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    std::string events;
    test::wait_until(
        [&] { return (events = events_of(agent)).find("hook_restored") != std::string::npos; },
        [&] { return events; }, test::patience);
    CHECK_THAT(events, ContainsSubstring(R"("type":"hook_restored","body":{"outcome":"ok")"));
    CHECK(test::text_of(said) == fmt::format("restored restore {}\n", generation));
}
