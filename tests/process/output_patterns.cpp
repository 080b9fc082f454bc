// However a workload writes, the host gets what was written.
#include "tests/process/output_scene.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/writing_patterns.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using How = proto::EndOfStream::How;
using test::Agent;
using test::AgentPlace;
using test::blocking_output;
using test::OutputScene;
using test::payload;
using test::ReceivedSequence;
using test::ScriptedHost;

namespace {

/// Runs a workload to its end; its stdout at a collector.
std::string collect_stdout(const std::vector<std::string>& words) {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path());
    Agent agent(place, payload(words), blocking_output);
    const auto said = agent.finish(std::chrono::minutes(2));
    INFO(said.error);
    CHECK(said.status == 0);
    REQUIRE(collector.collected().generations().size() == 1);
    const std::string generation = collector.collected().generations().front();
    CHECK(test::text_at(collector.collected().wait_end(generation, "stdout"), "/eos") == "closed");
    return collector.collected().bytes(generation, "stdout");
}

} // namespace

TEST_CASE("however a workload writes, its bytes arrive exactly", "[output][process]") {
    for (const test::WritingPattern& pattern :
         test::writing_patterns({.ones = 1000000, .total = std::size_t{8} << 20U})) {
        INFO(pattern.name);
        CHECK((collect_stdout(pattern.words) == pattern.text(pattern.size)));
    }
}

TEST_CASE("writes of 1 MiB arrive exactly, for as long as they come", "[output][process]") {
    constexpr std::uint64_t total = std::uint64_t{4096} << 20U;
    OutputScene scene(payload({"writes", "1M", std::to_string(total)}));
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out());
    const ReceivedSequence received = scene.take_out(std::chrono::minutes(5));
    CHECK(received.received == total);
    CHECK(received.dropped == 0);
    CHECK(received.end->how == How::closed);
}

TEST_CASE("a writer that is killed in the middle of a write leaves what it had written",
          "[output][process]") {
    OutputScene scene(payload({"die-writing", "64M"}));
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out());
    test::wait_held(scene.guest(), 0);
    const auto workload = test::number_at(test::status(scene.guest()), "/workload/pid");
    (void)exec(scene.guest(), {"/bin/kill", "-USR1", std::to_string(workload)});
    const ReceivedSequence received = scene.take_out();
    CHECK(received.dropped == 0);
    CHECK(received.received > (256U << 10U));
    CHECK(received.received < (64U << 20U));
    CHECK(received.end->how == How::closed);
}

TEST_CASE("a grandchild that keeps the pipe for ever holds up neither EXIT nor the stream's end",
          "[output][process]") {
    constexpr std::uint64_t total = 300U << 10U;
    OutputScene scene(payload({"keep-pipe", std::to_string(total)}));
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out());
    ReceivedSequence received;
    while (received.received < total)
        REQUIRE(take_frame(scene.out(), received));
    // EXIT at once; the stream's end only at its deadline.
    std::string event;
    while (event.find("workload_exit") == std::string::npos)
        event = scene.host().kept_link().expect(proto::FrameType::event).payload;
    CHECK_FALSE(received.end);
    follow(scene.out(), received);
    CHECK(received.received == total);
    REQUIRE(received.end);
    CHECK(received.end->how == How::lingered);
}

TEST_CASE("a stdout that is closed early ends, and stderr goes on", "[output][process]") {
    constexpr std::uint64_t total = 2U << 20U;
    OutputScene scene(payload({"close-early", std::to_string(total)}));
    ScriptedHost::welcome(scene.out());
    const ReceivedSequence out = scene.take_out();
    CHECK(out.received == total);
    CHECK(out.end->how == How::closed);
    CHECK(test::text_at(test::status(scene.guest()), "/workload/state") == "running");
    ScriptedHost::welcome(scene.err());
    ReceivedSequence err;
    while (err.received < total)
        REQUIRE(take_frame(scene.err(), err));
    CHECK_FALSE(err.end);
}
