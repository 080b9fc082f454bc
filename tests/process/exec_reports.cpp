// What the agent reports of a command beside its end: what it used, and why none came to be.
#include "tests/process/exec_scene.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>

#include <sys/stat.h>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

/// A command that cannot run, and what is to be said about it.
struct Failure {
    proto::ExecRequest request;
    std::string stage;
    int error;
    std::string path;
    std::uint64_t code;
};

Failure fails_to_execute(const std::string& program, int error, std::uint64_t code) {
    return {test::exec_request({program, "word"}), "exec", error, program, code};
}

std::string script_in(const AgentPlace& place, const std::string& name, const std::string& text) {
    const auto file = place.folder() / name;
    std::ofstream(file) << text;
    REQUIRE(chmod(file.c_str(), 0755) == 0);
    return file;
}

std::vector<Failure> all_failures(const AgentPlace& place) {
    const std::string loop = place.folder() / "loop";
    REQUIRE(symlink(loop.c_str(), loop.c_str()) == 0);
    std::vector<Failure> failures{
        fails_to_execute("/no/such/program", ENOENT, 127),
        fails_to_execute("no-such-program", ENOENT, 127),
        fails_to_execute(script_in(place, "lost", "#!/no/such/interpreter\n"), ENOENT, 127),
        fails_to_execute("/etc/passwd", EACCES, 126),
        fails_to_execute("/etc", EACCES, 126),
        fails_to_execute("/etc/passwd/program", ENOTDIR, 126),
        fails_to_execute(loop, ELOOP, 126),
        fails_to_execute(script_in(place, "noise", std::string("\1\2\3\4", 4)), ENOEXEC, 126),
        fails_to_execute(script_in(place, "empty", ""), ENOEXEC, 126),
        fails_to_execute("/bin/true", E2BIG, 126)};
    failures.back().request.command.argv.emplace_back(512 * 1024, 'x'); // one word: 128 KiB
    auto nowhere = test::exec_request({"/bin/true"});
    nowhere.command.cwd = "/no/such/directory";
    failures.push_back({nowhere, "chdir", ENOENT, "/no/such/directory", 126});
    nowhere.command.cwd = "/etc/passwd";
    failures.push_back({nowhere, "chdir", ENOTDIR, "/etc/passwd", 126});
    return failures;
}

/// ERROR, EXIT and both EOS come, in this order, and nothing else.
void check_streamed(const Agent& agent, const Failure& expected) {
    auto stream = FrameConnection::exec(agent.endpoint(), expected.request);
    const auto failure = proto::parse_spawn_failure(
                             proto::parse_json(stream.expect(FrameType::error).payload).value())
                             .value();
    CHECK(failure.stage == expected.stage);
    CHECK(failure.error == static_cast<std::uint64_t>(expected.error));
    CHECK(failure.path == expected.path);
    const auto exit =
        proto::parse_exit_status(proto::parse_json(stream.expect(FrameType::exit).payload).value());
    CHECK(exit->code == expected.code);
    CHECK(stream.expect(FrameType::eos).header.stream == proto::stream_id::out);
    CHECK(stream.expect(FrameType::eos).header.stream == proto::stream_id::err);
}

void check_plain(const Agent& agent, const Failure& expected) {
    const auto answer = ask(agent.endpoint(), "POST", "/v1/exec", test::body_of(expected.request));
    REQUIRE(answer.status == 200);
    const auto result = proto::parse_exec_result(answer.body).value();
    CHECK_FALSE(result.exit);
    REQUIRE(result.error);
    CHECK(result.error->stage == expected.stage);
    CHECK(result.error->error == static_cast<std::uint64_t>(expected.error));
    CHECK(result.error->path == expected.path);
    CHECK_FALSE(result.error->message.empty());
}

} // namespace

TEST_CASE("what cannot run is told by its stage, its error and its path, as 126 or 127",
          "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    for (const Failure& failure : all_failures(place)) {
        CAPTURE(failure.request.command.argv.front(), failure.stage, failure.error);
        check_streamed(agent, failure);
        check_plain(agent, failure);
    }
}

TEST_CASE("a user that nobody is keeps a command from running", "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto request = test::exec_request({"/bin/true"});
    request.command.user = "nobody-of-that-name";
    auto stream = FrameConnection::exec(agent.endpoint(), request);
    const auto failure = run_stream(stream).failure;
    REQUIRE(failure);
    CHECK(failure->stage == "user");
    CHECK(failure->path == "nobody-of-that-name");
    CHECK(failure->error != 0);
    const auto exit = proto::parse_json(test::await_frame(stream, FrameType::exit).payload);
    CHECK(test::number_at(exit.value(), "/code") == 126);
}

TEST_CASE("an exit tells the time and the memory that the command used",
          "[exec-tables][exec][process]") {
    constexpr std::uint64_t burnt_us = 100'000;
    constexpr std::uint64_t touched_kib = 32 * 1024;
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto burning =
        FrameConnection::exec(agent.endpoint(), test::exec_request(payload({"burn-cpu", "100"})));
    const auto burnt = run_stream(burning).exit.value();
    CHECK(burnt.code == 0U);
    // It burns until its own clock says so; to start and to end costs little beside it.
    CHECK(burnt.user_us >= burnt_us);
    CHECK(burnt.user_us < 3 * burnt_us);
    CHECK(burnt.system_us < burnt_us);
    CHECK(burnt.wall_us >= burnt.user_us);
    CHECK(burnt.max_rss_kib > 0);

    const auto idle = exec(agent.endpoint(), payload({"exit", "0"})).exit.value();
    auto touching = FrameConnection::exec(agent.endpoint(),
                                          test::exec_request(payload({"take-memory", "32M"})));
    const auto touched = run_stream(touching).exit.value();
    CHECK(touched.code == 0U);
    CHECK(touched.max_rss_kib >= touched_kib);
    // The kernel counts what a process was before it executed its program, too: here a copy of an
    // agent with the sanitizer's memory, which grows.
    CHECK(touched.max_rss_kib < idle.max_rss_kib + 2 * touched_kib);
}
