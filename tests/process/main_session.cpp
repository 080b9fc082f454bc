// The workload as a session that clients attach to.
#include "tests/process/agent.hpp"
#include "tests/support/frames.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <csignal>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

// "listening", then the number of each signal that it gets.
const std::vector<std::string> answering_workload = payload({"tell-signals"});

std::vector<std::string> attach_words(const Agent& agent, std::vector<std::string> more = {}) {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  agent.endpoint().target(), "attach", "main"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
}

void await_output(const Agent& agent, std::uint64_t bytes) {
    test::wait_status(agent.endpoint(), [bytes](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") >= bytes;
    });
}

/// The next frame but for the acknowledgements.
proto::Frame next_said(FrameConnection& stream) {
    for (;;) {
        std::optional<proto::Frame> frame = stream.receive();
        if (!frame) throw std::runtime_error("the stream has ended");
        if (frame->header.type != FrameType::ack) return std::move(*frame);
    }
}

bool send_signal(FrameConnection& stream, int number) {
    return stream.send(FrameType::signal, {{"signal", number}});
}

} // namespace

TEST_CASE("who attaches to the workload has its output, its signals and its exit",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, answering_workload);
    await_output(agent, 10);
    test::Command looking(attach_words(agent, {"--read-only", "--from", "now"}));
    test::Command attached(attach_words(agent));
    std::string listed;
    test::wait_until(
        [&] {
            listed = test::ask(agent.endpoint(), "GET", "/v1/sessions/main").body;
            return listed.find(R"("controlled":true,"readers":1)") != std::string::npos;
        },
        [&] { return listed; }, test::patience);
    const auto shows = [](const test::Command& command, const std::string& text) {
        test::wait_until([&] { return command.output() == text; },
                         [&] { return command.output() + command.error(); }, test::patience);
    };
    shows(attached, "listening\n");
    attached.process().signal(SIGHUP); // forwarded, as docker attach does
    shows(attached, "listening\n1\n");
    shows(looking, "1\n");
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/sessions/main/signal", R"({"signal": 9})")
              .status == 200);
    CHECK(attached.finish(test::patience).status == 137);
    CHECK(looking.finish(test::patience).status == 137);
}

TEST_CASE("the workload has one controller, the newest, and takes no stdin",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, answering_workload);
    await_output(agent, 10);
    FrameConnection first = FrameConnection::attach(agent.endpoint(), "main", "{}");
    CHECK_THAT(first.expect(FrameType::started).payload, ContainsSubstring("\"control\":true"));
    CHECK(next_said(first).payload == "listening\n");
    FrameConnection second = FrameConnection::attach(agent.endpoint(), "main", R"({"stdout": 3})");
    CHECK(second.expect(FrameType::started).header.type == FrameType::started);
    CHECK(next_said(second).payload == "tening\n");
    CHECK_THAT(next_said(first).payload, ContainsSubstring("replaced"));

    proto::FrameHeader data;
    data.stream = proto::stream_id::in;
    CHECK(second.send(data, "for nobody"));
    CHECK(second.expect(FrameType::ack).header.offset == 10);
    CHECK(send_signal(second, SIGUSR1));
    CHECK(next_said(second).payload == "10\n");

    FrameConnection looker =
        FrameConnection::attach(agent.endpoint(), "main", R"({"control": false})");
    CHECK_THAT(looker.expect(FrameType::started).payload, ContainsSubstring("\"control\":false"));
    const auto listed = test::ask(agent.endpoint(), "GET", "/v1/sessions/main");
    CHECK_THAT(listed.body,
               ContainsSubstring("\"controlled\":true") && ContainsSubstring("\"readers\":1"));
    CHECK(next_said(looker).payload == "listening\n10\n");
    CHECK(send_signal(looker, SIGTERM));
    CHECK_THAT(next_said(looker).payload, ContainsSubstring("read_only"));
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/sessions/main/resize",
                    R"({"rows": 1, "columns": 1})")
              .status == 409);
    // Nobody has control any more: the workload goes on.
    second.connection().close();
    CHECK(test::number_at(test::status(agent.endpoint()), "/output/0/read") == 13);
}

TEST_CASE("what a collector has taken of the workload's output is a gap for who attaches",
          "[sessions][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    test::Command collector({lab::build_product("tools/rousectl").string(), "-H",
                             place.endpoint().target(), "collect", "--output",
                             folder.path().string()});
    const Agent agent(place, answering_workload);
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/acked") == 10;
    });
    FrameConnection stream = FrameConnection::attach(agent.endpoint(), "main", R"({"stdout": 2})");
    CHECK(stream.expect(FrameType::started).header.type == FrameType::started);
    const proto::Frame gap = next_said(stream);
    CHECK(gap.header.type == FrameType::dropped);
    CHECK(gap.header.offset == 2);
    CHECK_THAT(gap.payload, ContainsSubstring("\"count\":8"));
    const auto beyond =
        test::ask(agent.endpoint(), "POST", "/v1/sessions/main/attach", R"({"stdout": 11})");
    CHECK(beyond.status == 426); // not without the upgrade
    CHECK_THROWS_WITH(FrameConnection::attach(agent.endpoint(), "main", R"({"stdout": 11})"),
                      ContainsSubstring("416"));
    collector.process().signal(SIGTERM);
    CHECK(collector.finish(test::patience).status == 0);
}
