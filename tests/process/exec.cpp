// The exec API under `rouse run`: plain, as a frame stream, and by rousectl.
#include "proto/link.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/bad_input.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

const std::vector<std::string> idle = payload({"tell-signals"});

proto::ExecRequest request_of(std::vector<std::string> argv) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    return request;
}

} // namespace

TEST_CASE("a plain exec gives output, input, environment and directory", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    proto::ExecRequest request =
        request_of({"/bin/sh", "-c", "cat; echo \"$COLOUR $(pwd)\"; echo oops >&2; exit 7"});
    request.command.env = {{"COLOUR", "green"}};
    request.command.cwd = "/usr";
    request.stdin_bytes = "from stdin\n";
    const auto answer =
        ask(agent.endpoint(), "POST", "/v1/exec", boost::json::serialize(proto::to_json(request)));
    REQUIRE(answer.status == 200);
    const auto result = proto::parse_exec_result(answer.body).value();
    CHECK(result.out.bytes == "from stdin\ngreen /usr\n");
    CHECK(result.err.bytes == "oops\n");
    REQUIRE(result.exit);
    CHECK(result.exit->code == 7U);
}

TEST_CASE("bytes that are no text come back unchanged", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    const auto result = exec(agent.endpoint(), payload({"sequence", "stdout", "5000"}));
    CHECK(result.out.bytes.size() == 5000);
    CHECK(test::matching_sequence(1, 0, result.out.bytes) == 5000);
}

TEST_CASE("a capture is bounded and says how much it left out", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    const auto result = exec(agent.endpoint(), payload({"sequence", "stdout", "3M"}));
    CHECK(result.exit->code == 0U);
    CHECK(result.out.bytes.size() == proto::limits::captured_output);
    CHECK(result.out.truncated == (3U << 20U) - proto::limits::captured_output);
}

TEST_CASE("a program that does not exist is an answer, not a failure", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    const auto plain = exec(agent.endpoint(), {"/no/such/program"});
    CHECK_FALSE(plain.exit);
    REQUIRE(plain.error);
    CHECK(plain.error->stage == "exec");
    CHECK(plain.error->error == static_cast<std::uint64_t>(ENOENT));
    auto stream = FrameConnection::exec(agent.endpoint(), request_of({"/no/such/program"}));
    const auto streamed = run_stream(stream);
    REQUIRE(streamed.failure);
    CHECK(streamed.failure->error == static_cast<std::uint64_t>(ENOENT));
}

TEST_CASE("a user other than root can be asked for", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    const auto result = exec(agent.endpoint(), {"/usr/bin/id", "-u"}, "nobody");
    INFO(result.err.bytes);
    CHECK(result.out.bytes == "65534\n");
    const auto reopened =
        exec(agent.endpoint(), {"/bin/sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr"},
             "nobody");
    CHECK(reopened.out.bytes == "out\n");
    CHECK(reopened.err.bytes == "err\n");
}

TEST_CASE("a stream carries both outputs, the exit and both ends", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    auto stream = FrameConnection::exec(
        agent.endpoint(), request_of(payload({"sequence", "stdout", "8M", "stderr", "2M"})));
    const auto result = run_stream(stream);
    CHECK(test::matching_sequence(1, 0, result.out) == 8U << 20U);
    CHECK(test::matching_sequence(2, 0, result.err) == 2U << 20U);
    CHECK(result.exit->code == 0U);
}

TEST_CASE("a signal on the stream reaches the command's process group", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    auto stream = FrameConnection::exec(agent.endpoint(), request_of({"sleep", "1000"}));
    (void)stream.expect(proto::FrameType::started);
    REQUIRE(stream.send(proto::FrameType::signal, {{"signal", SIGTERM}}));
    CHECK(run_stream(stream).exit->signal == static_cast<std::uint64_t>(SIGTERM));
}

TEST_CASE("a client that goes away takes its command along", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    std::string pid;
    {
        proto::ExecRequest request = request_of({"sleep", "1000"});
        request.session.reattach_grace = std::chrono::milliseconds(0);
        auto stream = FrameConnection::exec(agent.endpoint(), request);
        const auto started = proto::parse_json(stream.expect(proto::FrameType::started).payload);
        pid = std::to_string(test::number_at(started.value(), "/pid"));
        REQUIRE(std::filesystem::exists("/proc/" + pid));
    }
    test::wait_until([&] { return !std::filesystem::exists("/proc/" + pid); },
                     [&] { return "process " + pid + " still runs"; }, test::patience);
}

TEST_CASE("a command that pauses its reader does not hold up others", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    // Never read, never acknowledged: its window and its socket are full soon.
    auto stuck =
        FrameConnection::exec(agent.endpoint(), request_of(payload({"sequence", "stdout", "64M"})));
    for (int turn = 0; turn < 20; ++turn)
        CHECK(exec(agent.endpoint(), payload({"exit", std::to_string(turn)})).exit->code ==
              static_cast<std::uint64_t>(turn));
    const auto result = run_stream(stuck);
    CHECK(test::matching_sequence(1, 0, result.out) == 64U << 20U);
}

TEST_CASE("one connection can carry several requests", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    test::Connection connection = agent.endpoint().connect();
    for (int turn = 0; turn < 5; ++turn) {
        REQUIRE(connection.send(
            test::request_text("GET", "/v1/ready?nonce=abc", {}, "Connection: keep-alive\r\n")));
        const auto answer = read_answer(connection);
        CHECK(answer.status == 200);
        CHECK(proto::parse_ready(answer.body).value().nonce == "abc");
    }
}

TEST_CASE("rousectl exec passes streams and status through", "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    const std::string rousectl = lab::build_product("tools/rousectl").string();
    std::vector<std::vector<std::string>> commands;
    for (int code = 0; code < 256; ++code) {
        commands.push_back({rousectl, "-H", agent.endpoint().target(), "exec", "--"});
        const auto words = payload({"say", fmt::format("out {}", code), fmt::format("err {}", code),
                                    std::to_string(code)});
        commands.back().insert(commands.back().end(), words.begin(), words.end());
    }
    const auto said = test::run_commands(commands, 20, std::chrono::minutes(1));
    for (int code = 0; code < 256; ++code) {
        const auto& one = said[static_cast<std::size_t>(code)];
        CHECK(one.output == fmt::format("out {}", code));
        CHECK(one.error == fmt::format("err {}", code));
        CHECK(one.status == code);
    }
}

TEST_CASE("bad requests and frames are refused in time, and the agent goes on serving",
          "[exec][process]") {
    const AgentPlace place;
    const Agent agent(place, idle);
    CHECK(test::complaints(agent.endpoint(), test::bad_requests(), test::bad_frames(),
                           test::LastWords::certain) == std::vector<std::string>());
}
