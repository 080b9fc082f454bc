// What the workload, the host and the person at the console see when output is not taken.
#include "tests/process/agent.hpp"
#include "tests/support/scripted_host.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;
using test::Agent;
using test::AgentPlace;
using test::OutputConnection;
using test::payload;
using test::ReceivedSequence;
using test::ScriptedHost;

namespace {

/// Both streams of an agent that a host has just confirmed, not welcomed.
struct BothStreams {
    explicit BothStreams(ScriptedHost& host)
        : out(host.accept_output()), err(host.accept_output()) {
        if (out.hello.stream == "stderr") std::swap(out, err);
    }
    OutputConnection out;
    OutputConnection err;
};

/// ROUSE_DROP_SECONDS, or 60.
unsigned drop_seconds() {
    const char* const wanted = std::getenv("ROUSE_DROP_SECONDS");
    const std::string_view text(wanted != nullptr ? wanted : "60");
    unsigned seconds = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), seconds); // 0 shows below
    REQUIRE(seconds > 0);
    return seconds;
}

/// Takes new connections of stdout for `time`, grants each more than it can use, and reads none.
void neglect(ScriptedHost& host, std::vector<OutputConnection>& streams,
             std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
        if (host.output_listener().stays_quiet(100ms)) continue;
        streams.push_back(host.accept_output());
        ScriptedHost::welcome(streams.back(), 1U << 30U);
    }
}

/// Reads stdout to its end, over as many connections as the agent makes.
ReceivedSequence read_all(ScriptedHost& host, OutputConnection& newest) {
    ReceivedSequence sequence;
    test::follow(newest, sequence);
    while (!sequence.end) {
        OutputConnection next = host.accept_output();
        ScriptedHost::welcome(next, proto::limits::retention_workload, sequence.length);
        test::follow(next, sequence);
    }
    return sequence;
}

} // namespace

TEST_CASE("drop: a host that never reads holds no write for longer than write_timeout, and what is "
          "lost is marked",
          "[output][process]") {
    const unsigned seconds = drop_seconds();
    const AgentPlace place;
    ScriptedHost host(place.socket());
    Agent agent(place, payload({"relentless", std::to_string(seconds)}));
    host.serve_link(agent.endpoint());
    BothStreams both(host);
    ScriptedHost::welcome(both.err);
    ScriptedHost::welcome(both.out, 1U << 30U);
    std::vector<OutputConnection> neglected;
    neglected.push_back(std::move(both.out));
    neglect(host, neglected, std::chrono::seconds(seconds));

    const std::string said = test::read_to_end(both.err);
    std::uint64_t written = 0;
    std::uint64_t longest_us = 0;
    const auto number = std::from_chars(said.data(), said.data() + said.size(), written);
    REQUIRE(number.ec == std::errc());
    (void)std::from_chars(number.ptr + 1, said.data() + said.size(), longest_us); // 0 shows below
    INFO("bytes, longest write apart from waiting for a processor and by the clock, us: " << said);
    CHECK(longest_us > 0);
    CHECK(longest_us <= 1'100'000);

    const ReceivedSequence sequence = read_all(host, neglected.back());
    CHECK(sequence.received + sequence.dropped == written);
    CHECK(sequence.dropped > 0);
    CHECK(sequence.end->how == proto::EndOfStream::How::closed);
    CHECK(agent.finish().status == 0);
}

TEST_CASE("block: the workload waits for a host that never reads, and nothing is lost",
          "[output][process]") {
    constexpr std::uint64_t size = 8U << 20U;
    const AgentPlace place;
    ScriptedHost host(place.socket());
    Agent agent(place, payload({"sequence", "stdout", "8M"}), test::blocking_output);
    host.serve_link(agent.endpoint());
    BothStreams both(host);
    ScriptedHost::welcome(both.err);
    ScriptedHost::welcome(both.out, 1U << 30U);
    std::vector<OutputConnection> neglected;
    neglected.push_back(std::move(both.out));
    neglect(host, neglected, 3s);

    const auto status = test::status(agent.endpoint());
    CHECK(test::text_at(status, "/workload/state") == "running");
    CHECK(test::number_at(status, "/output/0/read") < size / 2);
    CHECK(test::number_at(status, "/output/0/stalls") > 0);
    CHECK(exec(agent.endpoint(), payload({"exit", "7"})).exit->code == 7U);
    const ReceivedSequence sequence = read_all(host, neglected.back());
    CHECK(sequence.received == size);
    CHECK(sequence.dropped == 0);
    (void)test::read_to_end(both.err);
    CHECK(agent.finish().status == 0);
}

TEST_CASE("a workload without privileges may open its standard output again", "[output][process]") {
    const AgentPlace place;
    ScriptedHost host(place.socket());
    const std::string user = ::geteuid() == 0 ? "65534:65534" : std::to_string(::geteuid());
    Agent agent(place, {},
                fmt::format(R"({{"workload": {{"argv": ["/bin/sh", "-c",
                    "echo again > /dev/stdout; echo as well > /dev/stderr"],
                    "user": "{}", "cwd": "/"}}}})",
                            user));
    host.serve_link(agent.endpoint());
    BothStreams both(host);
    ScriptedHost::welcome(both.out);
    ScriptedHost::welcome(both.err);
    CHECK(test::read_to_end(both.out) == "again\n");
    CHECK(test::read_to_end(both.err) == "as well\n");
    CHECK(agent.finish().status == 0);
}

TEST_CASE("the console shows what no host takes, if it is told to", "[output][process]") {
    for (const bool fallback : {true, false}) {
        const AgentPlace place;
        Agent agent(place, payload({"say", "first word", "second word", "3"}),
                    fallback ? R"({"output": {"console": "fallback"}})" : "{}");
        const test::Said said = agent.finish();
        CHECK(said.status == 3);
        CHECK((said.error.find("first word") != std::string::npos) == fallback);
        CHECK((said.error.find("second word") != std::string::npos) == fallback);
    }
}

TEST_CASE("a relay that has lost a wake-up is woken, counted and reported", "[output][process]") {
    const AgentPlace place;
    Agent agent(place, payload({"trickle"}), {}, {{"ROUSE_FAILPOINTS", "relay-read-wake=1"}});
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/repairs") +
                   test::number_at(status, "/output/1/repairs") ==
               1;
    });
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") > 0 &&
               test::number_at(status, "/output/1/read") > 0;
    });
}
