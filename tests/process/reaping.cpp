// Children that are in no usual state: stopped, traced, or gone from their session.
#include "proto/output.hpp"
#include "tests/process/exec_scene.hpp"
#include "tests/support/wait.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <csignal>

using namespace rouse;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

/// The letter by which the kernel says how a process is; '?' when it is gone.
char state_of(pid_t pid) {
    const std::string stat = test::text_of(fmt::format("/proc/{}/stat", pid));
    const std::size_t name_end = stat.rfind(") ");
    return name_end == std::string::npos ? '?' : stat[name_end + 2];
}

void await_state(pid_t pid, char state) {
    test::wait_until([&] { return state_of(pid) == state; },
                     [&] { return fmt::format("it is in state {}", state_of(pid)); },
                     test::patience);
}

std::uint64_t exit_code(const proto::Frame& frame) {
    return test::number_at(proto::parse_json(frame.payload).value(), "/code");
}

} // namespace

TEST_CASE("a child that is stopped has not ended, and goes on", "[reaping][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto stream = FrameConnection::exec(agent.endpoint(),
                                        test::shell_request("kill -STOP $$; exit 9", "still"));
    await_state(test::started_pid(stream), 'T');
    CHECK(exec(agent.endpoint(), payload({"exit", "3"})).exit->code == 3U);
    CHECK(test::session_of(agent.endpoint(), "still").state == "running");
    const auto answer = ask(agent.endpoint(), "POST", "/v1/sessions/still/signal",
                            fmt::format(R"({{"signal": {}}})", SIGCONT));
    CHECK(answer.status == 200);
    CHECK(exit_code(test::await_frame(stream, proto::FrameType::exit)) == 9U);
}

TEST_CASE("a child that is traced is reaped once its tracer knows of its end",
          "[reaping][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto stream = FrameConnection::exec(agent.endpoint(),
                                        test::exec_request(payload({"traced", "7"}), "seen"));
    const pid_t pid = test::started_pid(stream);
    await_state(pid, 'Z');
    // Others come and go meanwhile, and each is reaped.
    CHECK(exec(agent.endpoint(), payload({"exit", "3"})).exit->code == 3U);
    CHECK(test::session_of(agent.endpoint(), "seen").state == "running");
    REQUIRE(stream.send(proto::FrameType::eos, proto::to_json(proto::EndOfStream{}),
                        proto::stream_id::in, 0));
    CHECK(exit_code(test::await_frame(stream, proto::FrameType::exit)) == 7U);
    await_state(pid, '?');
}

TEST_CASE("a daemon that left its session by a double fork is reaped as an orphan",
          "[reaping][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const auto pipe = (place.folder() / "pipe").string();
    const auto request =
        test::shell_request(fmt::format("mkfifo {0}; setsid sh -c 'read end <{0}; exit 5' "
                                        "</dev/null >/dev/null 2>&1 & exit 3",
                                        pipe));
    auto stream = FrameConnection::exec(agent.endpoint(), request);
    CHECK(exit_code(test::await_frame(stream, proto::FrameType::exit)) == 3U);
    CHECK(test::number_at(test::status(agent.endpoint()), "/reaper/orphans") == 0);
    CHECK(exec(agent.endpoint(), {"/bin/sh", "-c", fmt::format("echo >{}", pipe)}).exit->code ==
          0U);
    test::wait_status(agent.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/reaper/orphans") == 1;
    });
}
