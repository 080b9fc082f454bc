// What the agent tells about itself: inside to root, outside to the host.
#include "proto/chunked.hpp"
#include "proto/frame_decoder.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/openmetrics.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <unistd.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;
namespace json = boost::json;

namespace {

constexpr std::array topics{"status", "relays", "conns", "reaper",
                            "epochs", "events", "boot",  "vitals"};

std::vector<std::string> inside(const AgentPlace& place, std::vector<std::string> words) {
    words.insert(words.begin(), "debug");
    words.insert(words.end(), {"--socket", place.socket().string() + ".debug"});
    return test::rouse(std::move(words));
}

std::vector<std::string> outside(const Agent& agent, std::vector<std::string> words) {
    words.insert(words.begin(),
                 {lab::build_product("tools/rousectl").string(), "-H", agent.endpoint().target()});
    return words;
}

std::string output_of(const std::vector<std::string>& argv) {
    const test::Said said = test::run_command(argv, test::patience);
    INFO(fmt::format("{}", fmt::join(argv, " ")) << "\n" << said.error);
    CHECK(said.status == 0);
    CHECK(said.error.empty());
    return said.output;
}

std::vector<json::value> lines_of(const std::string& text) {
    std::vector<json::value> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        all.push_back(json::parse(line));
    return all;
}

/// Writes a sequence, closes its outputs and stays.
std::vector<std::string> writes_and_stays(const std::string& what) {
    return {"/bin/sh", "-c",
            fmt::format("{} sequence {}; exec sleep 600 >&- 2>&-", payload({}).front(), what)};
}

bool has_type(const std::vector<json::value>& events, std::string_view type) {
    for (const json::value& event : events)
        if (event.at("type").as_string() == type) return true;
    return false;
}

} // namespace

TEST_CASE("every table is the same inside and outside, and its document is JSON",
          "[inspect][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    for (const std::string topic : topics) {
        INFO(topic);
        const std::string table = output_of(inside(place, {topic}));
        CHECK_FALSE(table.empty());
        // Ages and counters differ; the words do not.
        CHECK(table.substr(0, 5) == output_of(outside(agent, {"debug", topic})).substr(0, 5));
        if (topic == "events") continue;
        CHECK(json::parse(output_of(inside(place, {topic, "--json"}))).is_object());
        CHECK(json::parse(output_of(outside(agent, {"debug", topic, "--json"}))).is_object());
    }
    const json::value vitals = json::parse(output_of(inside(place, {"vitals", "--json"})));
    CHECK(test::number_at(vitals, "/memory/total_kib") > 1024);
    CHECK(test::number_at(vitals, "/agent/fds") > 3);
    CHECK(test::number_at(vitals, "/kernel/threads") > 1);
    CHECK(test::number_at(vitals, "/limits/pids") > 1);
    const json::value reaper = json::parse(output_of(inside(place, {"reaper", "--json"})));
    CHECK(test::number_at(reaper, "/running") == 1);
    CHECK(test::number_at(reaper, "/watched/0/pid") ==
          test::number_at(test::status(agent.endpoint()), "/workload/pid"));
    for (const char* word : {"stdout", "stderr", "kept pipe", "acked up to"})
        CHECK_THAT(output_of(outside(agent, {"debug", "relays"})), ContainsSubstring(word));
}

TEST_CASE("who is not root is refused by the agent's debug socket", "[inspect][process]") {
    namespace fs = std::filesystem;
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    // Nothing but the socket itself may stand in the way.
    fs::permissions(place.folder(), fs::perms(0711));
    std::vector<std::string> argv = inside(place, {"status"});
    const fs::path program = place.folder() / "rouse";
    fs::copy_file(argv.front(), program);
    argv.front() = program.string();
    CHECK_FALSE(output_of(argv).empty());
    argv.insert(argv.begin(),
                {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"});
    const test::Said said = test::run_command(argv, test::patience);
    CHECK(said.status != 0);
    CHECK(said.output.empty());
    CHECK_THAT(said.error, ContainsSubstring("rouse: ") && ContainsSubstring("Permission denied"));
}

TEST_CASE("the metrics of a running agent obey the rules of OpenMetrics", "[inspect][process]") {
    const AgentPlace place;
    const Agent agent(place, writes_and_stays("stdout 100K stderr 10"));
    CHECK(exec(agent.endpoint(), payload({"exit", "3"})).exit->code == 3U);
    test::wait_status(agent.endpoint(), [](const json::value& status) {
        return test::number_at(status, "/output/0/read") == (100U << 10U);
    });
    const auto read = test::read_openmetrics(output_of(outside(agent, {"metrics"})));
    CHECK(read.samples.at("rouse_relay_read_bytes_total{stream=\"stdout\"}") == 100 << 10);
    CHECK(read.samples.at("rouse_relay_read_bytes_total{stream=\"stderr\"}") == 10);
    CHECK(read.samples.at("rouse_exec_started_total") == 1);
    CHECK(read.samples.at("rouse_epoch") == 1);
    CHECK(read.samples.at("rouse_memory_resident_bytes") > 0);
    const auto answer = ask(agent.endpoint(), "GET", "/v1/metrics");
    CHECK_THAT(answer.head, ContainsSubstring("Content-Type: application/openmetrics-text; "
                                              "version=1.0.0; charset=utf-8\r\n"));
}

TEST_CASE("what happens is told as events, and followed", "[inspect][process]") {
    const AgentPlace place;
    Agent agent(place, payload({"tell-signals"}));
    test::Command inner(inside(place, {"events", "--follow", "--json"}));
    test::Command outer(outside(agent, {"events", "-f"}));
    const auto shows = [&](const test::Command& command, const std::string& word) {
        test::wait_until([&] { return command.output().find(word) != std::string::npos; },
                         [&] { return command.output() + command.error(); }, test::patience);
    };
    shows(inner, "workload_started");
    shows(outer, "workload_started");
    CHECK(exec(agent.endpoint(), payload({"exit", "3"})).exit->code == 3U);
    shows(inner, "exec_ended");
    shows(outer, "exec_ended");
    const auto all = lines_of(output_of(inside(place, {"events", "--json"})));
    for (const char* type : {"agent_started", "epoch_began", "listener_rebound", "log",
                             "workload_started", "exec_started", "exec_ended"})
        CHECK(has_type(all, type));
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(test::number_at(all[i], "/sequence") == i + 1);
    CHECK(lines_of(inner.output()).at(0) == all.at(0));
    const auto later = lines_of(
        output_of(outside(agent, {"events", "--json", "--since", std::to_string(all.size() - 1)})));
    REQUIRE_FALSE(later.empty());
    CHECK(test::number_at(later.at(0), "/sequence") == all.size());
}

TEST_CASE("events are followed over a restore without a hole", "[inspect][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    test::Command outer(outside(agent, {"events", "-f", "--json"}));
    const auto shows = [&](const std::string& word) {
        test::wait_until([&] { return outer.output().find(word) != std::string::npos; },
                         [&] { return outer.output() + outer.error(); }, test::patience);
    };
    shows("workload_started");
    // The host's word of a new generation fences every connection but its own.
    const std::string word = R"({"generation":"11111111-2222-4333-8444-555555555555"})";
    CHECK(ask(agent.endpoint(), "POST", "/v1/restore", word).status == 200);
    shows("\"type\":\"chain_ended\",\"body\":{\"report\":{\"epoch\":2,");
    const auto all = lines_of(outer.output());
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(test::number_at(all[i], "/sequence") == i + 1);
}

TEST_CASE("kept output is shown with no collector running", "[inspect][output][process]") {
    const AgentPlace place;
    const Agent agent(place, writes_and_stays("stdout 100K"));
    test::wait_status(agent.endpoint(), [](const json::value& status) {
        return test::number_at(status, "/output/0/read") == (100U << 10U);
    });
    const auto answer = ask(agent.endpoint(), "GET", "/v1/workload/output?stream=stdout&follow=1");
    REQUIRE(answer.status == 200);
    CHECK_THAT(answer.head, ContainsSubstring("Content-Type: application/vnd.rouse.frames\r\n"));
    proto::ChunkDecoder chunks;
    std::string body;
    REQUIRE(chunks.feed(answer.body, body).has_value());
    CHECK(chunks.ended());
    proto::FrameDecoder frames;
    frames.append(body);
    std::string bytes;
    auto frame = frames.next().value();
    for (; frame && frame->header.type == proto::FrameType::data; frame = frames.next().value()) {
        CHECK(frame->header.offset == bytes.size());
        bytes += frame->payload;
    }
    REQUIRE(frame.has_value());
    CHECK(frame->header.type == proto::FrameType::eos);
    CHECK(test::matching_sequence(1, 0, bytes) == (100U << 10U));
}

TEST_CASE("the page lists every route, and the agent answers no other", "[inspect][process]") {
    std::ifstream file(lab::source_root() / "proto/README.md");
    std::set<std::string> listed;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("| `GET /") && !line.starts_with("| `POST /") &&
            !line.starts_with("| `PUT /"))
            continue;
        listed.insert(line.substr(3, line.find_first_of("?`", 3) - 3));
    }
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    const auto answer = ask(agent.endpoint(), "GET", "/v1");
    REQUIRE(answer.status == 200);
    std::set<std::string> known;
    const json::value index = json::parse(answer.body);
    for (const json::value& route : index.at("routes").as_array())
        known.emplace(route.as_string());
    CHECK(listed == known);
}

TEST_CASE("wrong inspections are refused in words", "[inspect][process]") {
    const AgentPlace place;
    const Agent agent(place, payload({"tell-signals"}));
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"debug"}, {"debug", "all"}, {"events", "--since"}}) {
        const auto said = test::run_command(outside(agent, words), test::patience);
        CHECK(said.status == 125);
        CHECK_FALSE(said.error.empty());
    }
    const auto nobody = test::run_command(
        test::rouse({"debug", "vitals", "--socket", place.socket().string() + ".none"}),
        test::patience);
    CHECK(nobody.status == 1);
    CHECK_THAT(nobody.error, ContainsSubstring("cannot reach the agent"));
    CHECK(ask(agent.endpoint(), "GET", "/v1/debug/all").status == 404);
    // Root inside asks on another door: the probe there would prove nothing.
    const test::Endpoint door = test::Endpoint::plain(place.socket().string() + ".debug");
    CHECK(ask(door, "GET", "/v1/ready?nonce=1").status == 404);
    CHECK(ask(door, "GET", "/v1/status").status == 200);
}
