// The workload's life under `rouse run`: restarts, stops, its terminal.
#include "tests/process/workload_scene.hpp"
#include "tests/support/frames.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::await_state;
using test::events_of;
using test::FrameConnection;
using test::output_of;
using test::shell;

namespace {

/// Counts its runs in a file, says which one it is, and ends with 7 before the n-th.
std::string counting(const AgentPlace& place, int lasting_run) {
    return fmt::format("cd {}; echo >> runs; n=$(wc -l < runs); echo \"run $n\"; "
                       "[ $n -lt {} ] && exit 7; exec sleep 1000",
                       place.folder().string(), lasting_run);
}

} // namespace

TEST_CASE("a workload that fails is started again, and its output goes on", "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place, shell(counting(place, 3)),
                      R"({"restart": {"policy": "on-failure", "delay_ms": 10}})");
    await_state(agent, "running", 3);
    CHECK(output_of(agent, 18) == "run 1\nrun 2\nrun 3\n");
    const std::string events = events_of(agent);
    CHECK_THAT(events, ContainsSubstring(R"("pause_ms":10,"ended":"exit code 7","run":1)"));
    CHECK_THAT(events, ContainsSubstring(R"("pause_ms":20,"ended":"exit code 7","run":2)"));
    CHECK_THAT(events, !ContainsSubstring("workload_exit"));
}

TEST_CASE("who is attached stays so over the restarts, and sees the last exit",
          "[workload][process]") {
    const AgentPlace place;
    Agent agent(place, shell(counting(place, 2)),
                R"({"restart": {"policy": "always", "delay_ms": 300}})");
    FrameConnection stream = FrameConnection::attach(agent.endpoint(), "main", "{}");
    std::string said;
    while (said != "run 1\nrun 2\n") {
        const std::optional<proto::Frame> frame = stream.receive();
        REQUIRE(frame);
        REQUIRE(frame->header.type != FrameType::exit);
        if (frame->header.type == FrameType::data) said += frame->payload;
    }
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/sessions/main/signal", R"({"signal": 9})")
              .status == 200);
    await_state(agent, "running", 3); // It always comes back,
    agent.signal(SIGTERM);            // unless the agent ends.
    for (;;) {
        const std::optional<proto::Frame> frame = stream.receive();
        REQUIRE(frame);
        if (frame->header.type != FrameType::exit) continue;
        CHECK_THAT(frame->payload, ContainsSubstring(R"("signal":15)"));
        break;
    }
}

TEST_CASE("a workload that ends too often is given up with its last status",
          "[workload][process]") {
    const AgentPlace place;
    Agent agent(place, shell("sleep 1; exit 5"),
                R"({"restart": {"policy": "always", "delay_ms": 1, "max": 1}})");
    const test::Said said = agent.finish();
    CHECK(said.status == 5);
    CHECK_THAT(said.error, ContainsSubstring("ended too often: 2 times"));
}

TEST_CASE("success ends a workload that is restarted on failure only", "[workload][process]") {
    const AgentPlace place;
    Agent agent(place, shell("sleep 1"), R"({"restart": {"policy": "on-failure"}})");
    CHECK(agent.finish().status == 0);
}

TEST_CASE("SIGTERM ends rouse run although its command would be restarted", "[workload][process]") {
    for (const char* const script : {"exec sleep 1000", "exit 1"}) {
        CAPTURE(script);
        const AgentPlace place;
        Agent agent(
            place, shell(script),
            R"({"restart": {"policy": "always", "delay_ms": 20000, "delay_max_ms": 20000}})");
        const bool runs = std::string_view(script) != "exit 1";
        await_state(agent, runs ? "running" : "waiting");
        agent.signal(SIGTERM);
        CHECK(agent.finish().status == (runs ? 143 : 1));
    }
}

TEST_CASE("a workload is stopped by its signal, and started again on demand",
          "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place,
                      shell("trap 'echo stopping; exit 3' USR1; echo running; "
                            "while :; do sleep 0.05; done"),
                      R"({"stop_signal": "SIGUSR1"})");
    CHECK(output_of(agent, 8) == "running\n");
    const auto stopped = test::ask(agent.endpoint(), "POST", "/v1/workload/stop", "{}");
    CHECK(stopped.status == 200);
    CHECK_THAT(stopped.body,
               ContainsSubstring(R"("state":"stopped")") && ContainsSubstring(R"("code":3)"));
    CHECK_THAT(events_of(agent), ContainsSubstring("workload_stopped"));
    // Once more changes nothing.
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/workload/stop").status == 200);
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/workload/restart", "[]").status == 400);
    const auto started = test::ask(agent.endpoint(), "POST", "/v1/workload/restart");
    CHECK(started.status == 200);
    CHECK_THAT(started.body, ContainsSubstring(R"("state":"running")"));
    CHECK(output_of(agent, 25) == "running\nstopping\nrunning\n");
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/workload/restart").status == 200);
    await_state(agent, "running", 3);
}

TEST_CASE("a workload that ignores its stop signal is killed after its grace",
          "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place, shell("trap '' TERM; echo running; while :; do sleep 0.05; done"),
                      R"({"stop_grace_ms": 500})");
    CHECK(output_of(agent, 8) == "running\n");
    const auto began = std::chrono::steady_clock::now();
    const auto stopped = test::ask(agent.endpoint(), "POST", "/v1/workload/stop");
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK_THAT(stopped.body, ContainsSubstring(R"("signal":9)"));
    CHECK(took >= std::chrono::milliseconds(500));
}

TEST_CASE("without a workload there is nothing to stop", "[workload][process]") {
    const AgentPlace place;
    Agent agent(place, {}, R"({"workload": {}})");
    for (const char* const what : {"/v1/workload/stop", "/v1/workload/restart"}) {
        const auto answer = test::ask(agent.endpoint(), "POST", what);
        CHECK(answer.status == 409);
        CHECK_THAT(answer.body, ContainsSubstring("no_workload"));
    }
}

TEST_CASE("a workload has a terminal, and who attaches types into it", "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place,
                      shell("stty -echo; stty size; read word; echo \"got $word\"; "
                            "read word; stty size; exec sleep 1000"),
                      R"({"workload": {"tty": {"rows": 33, "columns": 99}}})");
    FrameConnection stream = FrameConnection::attach(agent.endpoint(), "main", "{}");
    CHECK_THAT(stream.expect(FrameType::started).payload, ContainsSubstring(R"("tty":true)"));
    std::string said;
    const auto shows = [&](const std::string& text) {
        while (said.find(text) == std::string::npos) {
            const std::optional<proto::Frame> frame = stream.receive();
            REQUIRE(frame);
            if (frame->header.type == FrameType::data) said += frame->payload;
        }
    };
    shows("33 99\r\n");
    proto::FrameHeader data;
    data.stream = proto::stream_id::in;
    CHECK(stream.send(data, "word\n"));
    shows("got word\r\n");
    CHECK(test::ask(agent.endpoint(), "POST", "/v1/sessions/main/resize",
                    R"({"rows": 40, "columns": 80})")
              .status == 200);
    data.offset = 5;
    CHECK(stream.send(data, "\n"));
    shows("40 80\r\n");
}

TEST_CASE("what is typed is for the terminal of the run there is, not for the one before",
          "[workload][process]") {
    const AgentPlace place;
    // The first run leaves a process behind that has its terminal open.
    const Agent agent(
        place,
        shell(fmt::format("cd {}; stty -echo; echo >> runs; "
                          "[ $(wc -l < runs) -gt 1 ] || {{ trap '' HUP; "
                          "sleep 1000 & exit 7; }}; "
                          "echo next run; while read word; do echo \"got $word\"; done",
                          place.folder().string())),
        R"({"workload": {"tty": {"rows": 33, "columns": 99}},
                          "restart": {"policy": "always", "delay_ms": 10}})");
    FrameConnection stream = FrameConnection::attach(agent.endpoint(), "main", "{}");
    std::string said;
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
    const auto await = [&](const auto& done) {
        while (!done()) {
            const std::optional<proto::Frame> frame = stream.receive();
            REQUIRE(frame);
            if (frame->header.type == FrameType::data) said += frame->payload;
            if (frame->header.type == FrameType::ack) acknowledged = frame->header.offset;
            REQUIRE(acknowledged <= sent);
        }
    };
    await([&] { return said.find("next run\r\n") != std::string::npos; });
    for (const std::string word : {"one", "two", "three"}) {
        proto::FrameHeader data;
        data.stream = proto::stream_id::in;
        data.offset = sent;
        sent += word.size() + 1;
        CHECK(stream.send(data, word + "\n"));
        await([&] { return said.find("got " + word + "\r\n") != std::string::npos; });
        await([&] { return acknowledged == sent; });
    }
}

TEST_CASE("rousectl stops the workload and has it run anew", "[workload][process]") {
    const AgentPlace place;
    const Agent agent(place, shell("exec sleep 1000"));
    await_state(agent, "running");
    const auto rousectl = [&](const std::string& what) {
        return test::run_command({lab::build_product("tools/rousectl").string(), "-H",
                                  agent.endpoint().target(), "workload", what},
                                 test::patience);
    };
    const test::Said stopped = rousectl("stop");
    CHECK(stopped.status == 0);
    CHECK(stopped.output == "stopped\n");
    const test::Said restarted = rousectl("restart");
    CHECK(restarted.status == 0);
    CHECK(restarted.output == "running\n");
    await_state(agent, "running", 2);
}
