// Prepare and resume around a snapshot, under everything that may be in the way. What freezes needs
// a cgroup v2 to change, so it needs root.
#include "proto/snapshot.hpp"

#include "tests/process/exec_scene.hpp"
#include "tests/process/snapshot_scene.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/scripted_host.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <set>
#include <thread>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;
using test::prepare;
using test::resume;

namespace {

std::string exec_body() {
    return R"({"argv": ["true"]})";
}

/// Whether the workload writes: its output grows.
bool writes(const test::Collected& collected, const std::string& generation) {
    const auto before = collected.size(generation, "stdout");
    test::wait_until([&] { return collected.size(generation, "stdout") > before; },
                     [] { return std::string("the workload stands still"); }, test::patience);
    return true;
}

} // namespace

TEST_CASE("prepare freezes a workload that writes all it can, and flushes what it wrote",
          "[snapshot][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    const test::Collector collector(place.endpoint().target(), folder.path());
    const Agent agent(place, payload({"sequence", "stdout", "1024M"}), test::blocking_output);
    const auto& collected = collector.collected();
    (void)collected.wait_event("output_connected");
    const std::string generation = collected.generations().at(0);
    REQUIRE(writes(collected, generation));

    const auto prepared = prepare(agent.endpoint());
    REQUIRE(prepared.state == "prepared");
    CHECK(prepared.frozen);
    CHECK(prepared.unflushed_bytes == 0);
    CHECK(test::is_frozen(agent.endpoint(), "main"));
    const auto relay = test::document(agent.endpoint(), "/v1/debug/relays").at("relays").at(0);
    CHECK(relay.at("acked") == relay.at("read"));
    CHECK(test::number_at(relay, "/workload_bytes") == 0);
    // Everything that is open now is named: link, both outputs, and the one that asks.
    std::set<std::string> roles;
    for (const auto& open : prepared.open)
        roles.insert(open.role);
    CHECK(roles == std::set<std::string>{"http", "link", "output stderr", "output stdout"});

    CHECK(resume(agent.endpoint(), prepared.lease).state == "resumed");
    CHECK(writes(collected, generation));
    CHECK_FALSE(test::is_frozen(agent.endpoint(), "main"));
    // A byte that was lost or repeated in between moves all that follow.
    const std::size_t size = collected.size(generation, "stdout");
    const std::size_t part = std::min<std::size_t>(size, 1U << 20U);
    for (const std::size_t from : {std::size_t{0}, size - part}) {
        const std::string bytes = collected.part(generation, "stdout", from, part);
        CHECK(test::matching_sequence(1, from, bytes) == part);
    }
}

TEST_CASE("prepare freezes a hundred running commands, and each goes on afterwards",
          "[snapshot][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    constexpr std::size_t many = 100;
    for (std::size_t i = 0; i < many; ++i) {
        auto request =
            test::shell_request(fmt::format("while [ ! -e {}/go ]; do sleep 0.2; done; exit 7",
                                            place.folder().string()),
                                fmt::format("c{}", i));
        request.session.detach = true;
        CHECK(ask(agent.endpoint(), "POST", "/v1/exec", test::body_of(request)).status == 202);
    }
    const auto prepared = prepare(agent.endpoint());
    REQUIRE(prepared.state == "prepared");
    for (std::size_t i = 0; i < many; ++i)
        CHECK(test::is_frozen(agent.endpoint(), fmt::format("c{}", i)));
    std::filesystem::create_directory(place.folder() / "go");
    CHECK(resume(agent.endpoint()).state == "resumed");
    for (std::size_t i = 0; i < many; ++i) {
        const auto answer =
            ask(agent.endpoint(), "GET", fmt::format("/v1/sessions/c{}/wait?timeout_ms=30000", i));
        CHECK_THAT(answer.body, ContainsSubstring("\"code\":7"));
    }
}

TEST_CASE("a reader that takes nothing delays prepare by the flush time, and is told of",
          "[snapshot][process]") {
    const AgentPlace place;
    test::ScriptedHost host(place.socket());
    const Agent agent(place, payload({"trickle"}), test::blocking_output);
    host.serve_link(agent.endpoint());
    std::vector<test::OutputConnection> outputs;
    for (int i = 0; i < 2; ++i) {
        outputs.push_back(host.accept_output());
        test::ScriptedHost::welcome(outputs.back(), 4096);
    }
    const auto began = std::chrono::steady_clock::now();
    const auto prepared = prepare(agent.endpoint(), R"({"flush_ms": 300, "deadline_ms": 8000})");
    CHECK(std::chrono::steady_clock::now() - began < 8s);
    CHECK(prepared.state == "prepared");
    CHECK(prepared.unflushed_bytes > 0);
    const auto& flush = test::step_of(prepared.steps, "flush");
    CHECK(flush.outcome == "unproven");
    CHECK(flush.duration_us >= 300000);
    CHECK(resume(agent.endpoint()).state == "resumed");
}

TEST_CASE("a hook that hangs is killed with all it started, named, and everything runs again",
          "[snapshot][process]") {
    const AgentPlace place;
    const std::string log = (place.folder() / "hooks").string();
    const std::string config = fmt::format(
        R"({{"hooks": {{"prepare": ["sh", "-c", "echo stuck here; (sleep 600; echo late >> {0}) & echo $! > {0}.pid; sleep 600"],
            "resume": ["sh", "-c", "echo $ROUSE_HOOK $ROUSE_KIND >> {0}"], "timeout_ms": 400}}}})",
        log);
    const Agent agent(place, test::idle_workload(), config);
    const auto prepared = prepare(agent.endpoint());
    CHECK(prepared.state == "failed");
    CHECK(prepared.lease.empty());
    const auto& hook = test::step_of(prepared.steps, "hook prepare");
    CHECK(hook.outcome == "failed");
    CHECK(hook.detail == "'sh' was killed after 400 ms: stuck here");
    const auto left = static_cast<pid_t>(test::leading_number(test::text_of(log + ".pid")));
    test::wait_until([&] { return kill(left, 0) != 0; },
                     [] { return std::string("what the hook started lives on"); }, test::patience);
    // The hook `resume` is part of the undoing; an exec waits for it, and then runs.
    CHECK(ask(agent.endpoint(), "POST", "/v1/exec", exec_body()).status == 200);
    CHECK(test::text_of(log) == "resume failed\n");
}

TEST_CASE("a process that waits for the kernel is named when it cannot be frozen",
          "[snapshot][process]") {
    const AgentPlace place;
    test::HeldPipe pipe(place.folder() / "fifo");
    const Agent agent(
        place, {"/bin/sh", "-c",
                fmt::format("while :; do echo x; sleep 0.01; done > {}", pipe.path().string())});
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::text_at(status, "/workload/state") == "running";
    });
    const auto pid = static_cast<pid_t>(test::session_of(agent.endpoint(), "main").pid);
    pipe.hold(pid);
    const auto began = std::chrono::steady_clock::now();
    const auto prepared = prepare(agent.endpoint());
    CHECK(std::chrono::steady_clock::now() - began < 10s);
    CHECK(prepared.state == "failed");
    CHECK_FALSE(prepared.frozen);
    const auto& freeze = test::step_of(prepared.steps, "freeze");
    CHECK(freeze.outcome == "failed");
    CHECK_THAT(freeze.detail,
               ContainsSubstring(fmt::format("not frozen in time: sh (pid {}, state D)", pid)));
    CHECK(test::step_of(prepared.steps, "thaw").outcome == "ok");
    CHECK(exec(agent.endpoint(), {"echo", "runs"}).out.bytes == "runs\n");
    pipe.release();
}

TEST_CASE("a command that arrives meanwhile is refused, and runs when it asks again",
          "[snapshot][process]") {
    const AgentPlace place;
    const std::string config = R"({"hooks": {"prepare": ["sleep", "0.3"]}})";
    const Agent agent(place, test::idle_workload(), config);
    std::optional<proto::Prepared> prepared;
    std::thread preparing([&] { prepared = prepare(agent.endpoint()); });
    test::wait_until(
        [&] {
            const auto status = test::document(agent.endpoint(), "/v1/debug/epochs");
            return test::text_at(status, "/prepare/state") != "none";
        },
        [] { return std::string("it does not prepare"); }, test::patience);
    // During the hook, and once it is prepared: in all three forms, and for files.
    for (int round = 0; round < 2; ++round) {
        for (const char* path : {"/v1/exec", "/v1/files?path=/etc/passwd"}) {
            const bool is_exec = std::string_view(path) == "/v1/exec";
            const auto answer =
                ask(agent.endpoint(), is_exec ? "POST" : "GET", path, is_exec ? exec_body() : "");
            CHECK(answer.status == 503);
            CHECK_THAT(answer.body, ContainsSubstring("\"kind\":\"preparing\""));
            CHECK_THAT(answer.head, ContainsSubstring("Retry-After: 1"));
        }
        if (preparing.joinable()) preparing.join();
    }
    REQUIRE(prepared->state == "prepared");
    CHECK(resume(agent.endpoint()).state == "resumed");
    CHECK(ask(agent.endpoint(), "POST", "/v1/exec", exec_body()).status == 200);
    CHECK(test::number_at(test::status(agent.endpoint()), "/exec/failed") == 0);
}

TEST_CASE("a lease that nobody ends thaws the payload, and says so", "[snapshot][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto prepared = prepare(agent.endpoint(), R"({"lease_ms": 300})");
    REQUIRE(prepared.state == "prepared");
    CHECK(prepared.lease_ms == 300);
    test::wait_until(
        [&] {
            const auto status = test::document(agent.endpoint(), "/v1/debug/epochs");
            return test::text_at(status, "/prepare/state") == "expired";
        },
        [] { return std::string("it does not expire"); }, test::patience);
    CHECK_FALSE(test::is_frozen(agent.endpoint(), "main"));
    CHECK_THAT(ask(agent.endpoint(), "GET", "/v1/events").body,
               ContainsSubstring("\"type\":\"lease_expired\""));
    CHECK_THAT(ask(agent.endpoint(), "GET", "/v1/metrics").body,
               ContainsSubstring("rouse_prepare_state{rouse_prepare_state=\"expired\"} 1"));
    CHECK(ask(agent.endpoint(), "POST", "/v1/exec", exec_body()).status == 200);
    CHECK(resume(agent.endpoint(), prepared.lease).state == "expired");
    CHECK(resume(agent.endpoint()).state == "not_prepared");
}

TEST_CASE("prepare closes connections that wait for a request, and no other",
          "[snapshot][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    test::Connection idle = agent.endpoint().connect();
    REQUIRE(idle.send(test::request_text("GET", "/v1/status", {}, "Connection: keep-alive\r\n")));
    REQUIRE(read_answer(idle).status == 200);
    auto stream = test::FrameConnection::exec(agent.endpoint(), test::exec_request({"cat"}));
    (void)stream.expect(proto::FrameType::started);
    const auto prepared = prepare(agent.endpoint());
    REQUIRE(prepared.state == "prepared");
    CHECK(test::step_of(prepared.steps, "connections").detail == "1 idle ones closed");
    CHECK(idle.ends_within(test::patience));
    CHECK(resume(agent.endpoint()).state == "resumed");
    const auto ended = run_stream(stream, "still here\n");
    CHECK(ended.out == "still here\n");
}

TEST_CASE("rousectl prepares a guest and lets it go on, and says what it did",
          "[snapshot][process]") {
    const AgentPlace place;
    Agent agent(place, test::idle_workload());
    const auto rousectl = [&](std::vector<std::string> words) {
        std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                      place.endpoint().target(), "snapshot"};
        argv.insert(argv.end(), words.begin(), words.end());
        return test::run_command(argv, test::patience);
    };
    const auto said = rousectl({"prepare", "--lease", "50s", "--json"});
    CHECK(said.status == 0);
    const auto prepared = proto::parse_prepared(said.output);
    REQUIRE(prepared.has_value());
    CHECK(prepared->lease_ms == 50000);
    const auto again = rousectl({"prepare"});
    CHECK_THAT(again.output, ContainsSubstring(prepared->lease));
    CHECK(rousectl({"resume", "11111111-1111-4111-8111-111111111111"}).status == 1);
    const auto resumed = rousectl({"resume", prepared->lease});
    CHECK(resumed.status == 0);
    CHECK_THAT(resumed.output, ContainsSubstring("resumed\n"));
    CHECK(rousectl({"prepare", "--fsfreeze", "data"}).status == 125);
    const auto failed = rousectl({"prepare", "--fsfreeze", "/proc"});
    CHECK(failed.status == 1);
    CHECK_THAT(failed.output, ContainsSubstring("\"/proc\": "));
    // A prepared agent ends like any other: a frozen workload would not hear of it.
    CHECK(rousectl({"prepare"}).status == 0);
    agent.signal(SIGTERM);
    CHECK(agent.finish(20s).status == 0); // long before the lease is over
}

TEST_CASE("bad requests of prepare and resume are refused, and change nothing",
          "[snapshot][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    for (const std::string body :
         {"{", "[]", R"({"freeze": 1})", R"({"lease_ms": 0})", R"({"lease_ms": 3600001})",
          R"({"deadline_ms": 0})", R"({"freeze_filesystems": ["data"]})", R"({"no": 1})"}) {
        INFO(body);
        CHECK(ask(agent.endpoint(), "POST", "/v1/snapshot/prepare", body).status == 400);
    }
    for (const std::string body : {"{", R"({"lease": "x"})", R"({"no": 1})"}) {
        INFO(body);
        CHECK(ask(agent.endpoint(), "POST", "/v1/snapshot/resume", body).status == 400);
    }
    CHECK(test::text_at(test::status(agent.endpoint()), "/prepare/state") == "none");
}
