// What a person reads with `rousectl logs`: of a guest without a collector, and of a collector's
// files.
#include "tests/process/agent.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;

namespace {

std::vector<std::string> rousectl(std::vector<std::string> words) {
    words.insert(words.begin(), lab::build_product("tools/rousectl").string());
    return words;
}

test::Said run(std::vector<std::string> words) {
    return test::run_command(rousectl(std::move(words)), test::patience);
}

} // namespace

TEST_CASE("logs shows what a guest holds although no collector runs", "[output][process]") {
    const AgentPlace place;
    const Agent agent(
        place, {"/bin/sh", "-c", "echo said; echo wrong >&2; exec sleep 600 >/dev/null 2>&1"});
    const std::string target = agent.endpoint().target();
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") == 5 &&
               test::number_at(status, "/output/1/read") == 6;
    });
    const test::Said both = run({"-H", target, "logs"});
    CHECK(both.status == 0);
    CHECK(both.output == "said\n");
    CHECK(both.error == "wrong\n"); // a file: not coloured
    CHECK(run({"-H", target, "logs", "--stream", "stdout"}).error.empty());
    CHECK(run({"-H", target, "logs", "--stream", "stderr"}).output.empty());
    CHECK(run({"-H", target, "logs", "--color", "always"}).error == "\x1b[31mwrong\n\x1b[0m");

    // script(1) gives it a terminal.
    const std::string command = fmt::format("{}", fmt::join(rousectl({"-H", target, "logs"}), " "));
    const test::Said seen =
        test::run_command({"/usr/bin/script", "-qec", command, "/dev/null"}, test::patience);
    CHECK(seen.status == 0);
    CHECK_THAT(seen.output, ContainsSubstring("said\r\n") && ContainsSubstring("\x1b[31mwrong"));
}

TEST_CASE("logs reads what a collector wrote in any form that is for people", "[output][process]") {
    const std::string format = GENERATE("raw", "json", "journal");
    INFO(format);
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    test::Command collector(
        rousectl({"-H", place.endpoint().target(), "collect", "--output", folder.path().string(),
                  "--format", format, "--fsync", "--once"}));
    Agent agent(place, {"/bin/sh", "-c", "echo said; echo wrong >&2"});
    CHECK(agent.finish().status == 0);
    const test::Said collected = collector.finish(test::patience);
    INFO(collected.error);
    CHECK(collected.status == 0);

    const test::Said read = run({"logs", "--from", folder.path().string()});
    INFO(read.error);
    if (format == "journal") {
        CHECK(read.status != 0);
        CHECK_THAT(read.error, ContainsSubstring("systemd-journal-remote"));
    } else {
        CHECK(read.status == 0);
        CHECK(read.output == "said\n");
        CHECK(read.error == "wrong\n");
    }
}
