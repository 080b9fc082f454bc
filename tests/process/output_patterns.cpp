// However a workload writes, the host gets what was written. With ROUSE_TEST_LONG=1 the amounts are
// those of the acceptance run: 4 GiB in writes of 1 MiB, a million writes of a byte.
#include "tests/process/output_scene.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/sequence.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstdlib>

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

bool long_run() {
    const char* const variable = std::getenv("ROUSE_TEST_LONG");
    return variable != nullptr && std::string_view(variable) == "1";
}

std::string sequence_text(std::size_t size) {
    std::string text(size, '\0');
    test::fill_sequence(proto::stream_id::out, 0, text);
    return text;
}

std::string lines_text(std::size_t size) {
    std::string text(size, '\0');
    test::fill_lines(0, text);
    return text;
}

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

/// Waits until the workload is held in the middle of a write, since its host has stopped reading.
void wait_held(const test::Endpoint& guest) {
    std::uint64_t last = 0;
    test::wait_status(guest, [&](const boost::json::value& status) {
        const auto taken = test::number_at(status, "/output/0/read");
        const bool held = taken > (256U << 10U) && taken == last &&
                          test::number_at(status, "/output/0/workload_bytes") > 0;
        last = taken;
        return held;
    });
}

} // namespace

TEST_CASE("whatever the size of its writes, a workload's bytes arrive exactly",
          "[output][process]") {
    const std::size_t size = GENERATE(1U, 80U, 2049U, 1U << 20U);
    CAPTURE(size);
    const std::size_t ones = long_run() ? 1000000 : 200000;
    const std::size_t total = size == 1 ? ones : std::size_t{8} << 20U;
    // No byte of it is text, there are no lines, and pages are hit and missed.
    CHECK((collect_stdout({"writes", std::to_string(size), std::to_string(total)}) ==
           sequence_text(total)));
}

TEST_CASE("lines of 80 bytes arrive as they were written", "[output][process]") {
    constexpr std::size_t total = 4U << 20U;
    CHECK((collect_stdout({"lines", std::to_string(total)}) == lines_text(total)));
}

TEST_CASE("a stdout that its workload made non-blocking loses nothing", "[output][process]") {
    constexpr std::size_t total = 4U << 20U;
    CHECK((collect_stdout({"nonblocking", std::to_string(total)}) == sequence_text(total)));
}

TEST_CASE("writes of 1 MiB arrive exactly, for as long as they come", "[output][process]") {
    const std::uint64_t total = (long_run() ? std::uint64_t{4096} : std::uint64_t{256}) << 20U;
    OutputScene scene(payload({"writes", "1M", std::to_string(total)}));
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out());
    const ReceivedSequence received = scene.take_out(std::chrono::minutes(long_run() ? 10 : 2));
    CHECK(received.received == total);
    CHECK(received.dropped == 0);
    CHECK(received.end->how == How::closed);
}

TEST_CASE("a writer that is killed in the middle of a write leaves what it had written",
          "[output][process]") {
    OutputScene scene(payload({"die-writing", "64M"}));
    ScriptedHost::welcome(scene.err());
    ScriptedHost::welcome(scene.out());
    wait_held(scene.guest());
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
        event = scene.host().link().expect(proto::FrameType::event).payload;
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
