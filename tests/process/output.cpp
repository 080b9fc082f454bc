// The workload's output to a collector, and to hosts that misbehave.
#include "tests/process/agent.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/scripted_host.hpp"
#include "tests/support/sequence.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::blocking_output;
using test::payload;
using test::ScriptedHost;

TEST_CASE("both outputs of the workload reach a collector exactly", "[output][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path());
    Agent agent(place, payload({"sequence", "stdout", "16M", "stderr", "4M"}), blocking_output);
    CHECK(agent.finish().status == 0);
    const auto& collected = collector.collected();
    CHECK(test::number_at(collected.wait_event("workload_exit"), "/exit/code") == 0);
    REQUIRE(collected.generations().size() == 1);
    const std::string generation = collected.generations().front();
    CHECK(test::text_at(collected.wait_end(generation, "stdout"), "/eos") == "closed");
    CHECK(test::text_at(collected.wait_end(generation, "stderr"), "/eos") == "closed");
    CHECK(test::matching_sequence(1, 0, collected.bytes(generation, "stdout")) == 16U << 20U);
    CHECK(test::matching_sequence(2, 0, collected.bytes(generation, "stderr")) == 4U << 20U);
}

TEST_CASE("a collector that was away gets what it missed", "[output][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const Agent agent(place, payload({"trickle"}), blocking_output);
    std::string generation;
    const auto received = [&](const test::Collected& collected, std::uint64_t more) {
        const auto size = collected.size(generation, "stdout");
        test::wait_until([&] { return collected.size(generation, "stdout") > size + more; },
                         [] { return std::string("no output"); }, test::patience);
    };
    for (int turn = 0; turn < 3; ++turn) {
        test::Collector collector(agent.endpoint().target(), folder.path());
        (void)collector.collected().wait_event("output_connected");
        generation = collector.collected().generations().at(0);
        received(collector.collected(), 200000);
        (void)collector.stop();
        const std::string bytes = collector.collected().bytes(generation, "stdout");
        CHECK(test::matching_sequence(1, 0, bytes) == bytes.size());
    }
}

TEST_CASE("output connects only after the host has proven exec", "[output][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}));
    const auto hello = host.accept_link();
    CHECK(host.output_listener().stays_quiet(std::chrono::milliseconds(500)));
    const auto report = host.confirm(agent.endpoint(), hello);
    CHECK(report.kind == "boot");
    CHECK(report.exec == "proven");
    auto first = host.accept_output();
    auto second = host.accept_output();
    CHECK(first.hello.link_key == hello.link_key);
    CHECK(first.hello.stream != second.hello.stream);
}

TEST_CASE("a host that breaks the protocol is left and dialled again", "[output][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    Agent agent(place, payload({"sequence", "stdout", "100K"}));
    host.serve_link(agent.endpoint());
    auto output = host.accept_output();
    if (output.hello.stream != "stdout") output = host.accept_output();
    const auto [header, bytes] = GENERATE(
        std::pair(proto::FrameHeader{.type = FrameType::welcome, .length = 65537}, ""),
        std::pair(proto::FrameHeader{.type = FrameType::welcome, .length = UINT32_MAX}, ""),
        std::pair(proto::FrameHeader{.type = FrameType::data, .length = 28673}, ""),
        std::pair(proto::FrameHeader{.type = FrameType::welcome, .length = 8}, "not json"));
    INFO(proto::name(header.type) << " " << header.length);
    const auto encoded = proto::encode(header);
    REQUIRE(output.frames.connection().send(std::string(encoded.data(), encoded.size()) + bytes));
    CHECK(output.frames.connection().ends_within(test::patience));

    // It comes back, and nothing is lost.
    do
        output = host.accept_output();
    while (output.hello.stream != "stdout");
    ScriptedHost::welcome(output);
    const std::string received = read_to_end(output);
    CHECK(test::matching_sequence(1, 0, received) == 100U << 10U);
}

TEST_CASE("a host that takes the output and never reads delays neither exec nor reaping",
          "[output][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    Agent agent(place, payload({"sequence", "stdout", "64M", "stderr", "64M"}));
    host.serve_link(agent.endpoint());
    std::vector<test::OutputConnection> unread;
    for (int stream = 0; stream < 2; ++stream) {
        unread.push_back(host.accept_output());
        // So much credit that the socket is what gets full.
        ScriptedHost::welcome(unread.back(), 64U << 20U);
    }
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") > (512U << 10U);
    });
    for (int code = 0; code < 50; ++code)
        CHECK(exec(agent.endpoint(), payload({"exit", std::to_string(code)})).exit->code ==
              static_cast<std::uint64_t>(code));
    const auto orphans = test::number_at(test::status(agent.endpoint()), "/reaper/orphans");
    CHECK(exec(agent.endpoint(), payload({"orphans", "200"})).exit->code == 0U);
    test::wait_status(agent.endpoint(), [&](const boost::json::value& status) {
        return test::number_at(status, "/reaper/orphans") == orphans + 200;
    });
}
