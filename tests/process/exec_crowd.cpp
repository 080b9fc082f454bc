// Very many commands, and such that take what they can: exec answers, and nothing is left behind.
#include "proto/exec_stream.hpp"
#include "tests/process/exec_scene.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include <sys/resource.h>

using namespace rouse;
using namespace std::chrono_literals;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;
namespace fs = std::filesystem;

namespace {

#ifdef ROUSE_TEST_BUILD
// To start a command copies the sanitizer's memory, and each session has some of it.
constexpr std::size_t many_commands = 2000;
constexpr std::uint64_t most_kib_each = 512;
constexpr std::uint64_t most_kib_more = 512 * 1024; // it holds back what was freed: 256 MiB
#else
// The binary that guests get. tools/bench measures what a session needs: at most 64 KiB.
constexpr std::size_t many_commands = 10'000;
constexpr std::uint64_t most_kib_each = 128;
constexpr std::uint64_t most_kib_more = 4 * 1024;
#endif

/// What an agent holds of the machine.
struct Holding {
    std::size_t descriptors = 0;
    std::size_t processes = 0; ///< its children, zombies among them
    std::uint64_t running = 0; ///< sessions

    friend bool operator==(const Holding&, const Holding&) = default;
};

Holding holding_of(Agent& agent) {
    const fs::path process = fmt::format("/proc/{}", agent.command().process().pid());
    Holding holding;
    const auto status = test::status(agent.endpoint());
    holding.running = test::number_at(status, "/exec/running");
    holding.descriptors = static_cast<std::size_t>(
        std::distance(fs::directory_iterator(process / "fd"), fs::directory_iterator()));
    for (const auto& thread : fs::directory_iterator(process / "task")) {
        const std::string children = test::text_of(thread.path() / "children");
        holding.processes +=
            static_cast<std::size_t>(std::count(children.begin(), children.end(), ' '));
    }
    return holding;
}

std::string text_of(const Holding& holding) {
    return fmt::format("{} descriptors, {} children, {} sessions", holding.descriptors,
                       holding.processes, holding.running);
}

/// The agent holds again what it held before. It closes what is over soon, but not at once.
void await_holding(Agent& agent, const Holding& before) {
    Holding now;
    test::wait_until(
        [&] {
            now = holding_of(agent);
            return now == before;
        },
        [&] { return text_of(now) + " instead of " + text_of(before); }, test::patience);
}

std::uint64_t resident_kib(Agent& agent) {
    const auto pid = agent.command().process().pid();
    const std::string status = test::text_of(fmt::format("/proc/{}/status", pid));
    const auto at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : test::leading_number(status.substr(at + 6));
}

std::size_t sessions_listed(const Agent& agent) {
    const auto answer = ask(agent.endpoint(), "GET", "/v1/sessions");
    return proto::parse_session_list(answer.body).value().size();
}

/// Both ends of a thousand connections are more than most shells allow.
void allow_descriptors() {
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/// Runs `count` commands one after the other on one connection; how many ended as they should.
std::size_t run_on_one_connection(const test::Endpoint& guest, std::size_t count) {
    test::Connection connection = guest.connect();
    std::size_t right = 0;
    for (std::size_t number = 0; number < count; ++number) {
        const auto request = test::exec_request(payload({"exit", std::to_string(number % 256)}));
        if (!connection.send(test::request_text("POST", "/v1/exec", test::body_of(request),
                                                "Connection: keep-alive\r\n")))
            return right;
        const auto result = proto::parse_exec_result(read_answer(connection).body).value();
        if (result.exit && result.exit->code == number % 256) ++right;
    }
    return right;
}

/// Whether commands are served as usual.
void check_served(const Agent& agent) {
    for (int turn = 0; turn < 10; ++turn)
        CHECK(exec(agent.endpoint(), payload({"exit", std::to_string(turn)})).exit->code ==
              static_cast<std::uint64_t>(turn));
}

/// A configuration under which the workload and all that it starts are few, and come last.
const std::string hungry_workload = R"({"workload": {
    "user": "nobody", "rlimits": {"nproc": 64, "as": 268435456}, "oom_score_adj": 1000}})";

} // namespace

TEST_CASE("a thousand sessions at once leave nothing behind", "[exec-crowd][exec][process]") {
    constexpr std::size_t crowd = 1000;
    allow_descriptors();
    const AgentPlace place;
    Agent agent(place, test::idle_workload());
    check_served(agent);
    const Holding before = holding_of(agent);
    const auto resident = resident_kib(agent);
    {
        std::vector<FrameConnection> streams;
        for (std::size_t number = 0; number < crowd; ++number)
            streams.push_back(FrameConnection::exec(agent.endpoint(), test::exec_request({"cat"})));
        for (FrameConnection& stream : streams)
            (void)stream.expect(FrameType::started);
        CHECK(holding_of(agent).running == crowd);
        CHECK(resident_kib(agent) < resident + crowd * most_kib_each);
        for (std::size_t number = 0; number < crowd; ++number) {
            const std::string line = fmt::format("line {}\n", number);
            const auto result = run_stream(streams[number], line);
            CHECK(result.out == line);
            CHECK(result.exit->code == 0U);
        }
    }
    await_holding(agent, before);
    CHECK(sessions_listed(agent) == proto::limits::sessions_remembered + 1); // and the workload
}

TEST_CASE("thousands of commands leave nothing behind", "[exec-crowd][exec][process]") {
    constexpr std::size_t connections = 8;
    const AgentPlace place;
    Agent agent(place, test::idle_workload());
    CHECK(run_on_one_connection(agent.endpoint(), 10) == 10);
    const Holding before = holding_of(agent);
    const auto resident = resident_kib(agent);
    std::vector<std::size_t> right(connections);
    std::vector<std::thread> clients;
    for (std::size_t client = 0; client < connections; ++client)
        clients.emplace_back([&, client] {
            right[client] = run_on_one_connection(agent.endpoint(), many_commands / connections);
        });
    for (std::thread& client : clients)
        client.join();
    CHECK(right == std::vector<std::size_t>(connections, many_commands / connections));
    await_holding(agent, before);
    CHECK(resident_kib(agent) < resident + most_kib_more);
    CHECK(sessions_listed(agent) == 1); // the workload: nobody can ask for the others again
    CHECK(test::number_at(test::status(agent.endpoint()), "/reaper/children") >= many_commands);
}

TEST_CASE("exec answers beside a workload that forks all it can", "[exec-crowd][exec][process]") {
    const AgentPlace place;
    const auto bomb = place.folder() / "rouse-payload";
    fs::copy_file(payload({}).front(), bomb);
    fs::permissions(place.folder(), fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(bomb, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    Agent agent(place, {"/usr/bin/nice", "-n", "19", bomb, "fork-bomb"}, hungry_workload);
    check_served(agent);
    const auto leader = static_cast<pid_t>(test::session_of(agent.endpoint(), "main").pid);
    REQUIRE(leader > 0);
    REQUIRE(kill(-leader, SIGKILL) == 0); // its group: what it forked is there, too
    CHECK(agent.finish().status == 128 + SIGKILL);
    test::wait_until([&] { return kill(-leader, 0) != 0; },
                     [] { return "something of it is left"; }, test::patience);
}

TEST_CASE("exec answers beside a workload that takes all memory it may",
          "[exec-crowd][exec][process]") {
    const AgentPlace place;
    const auto hog = place.folder() / "rouse-payload";
    fs::copy_file(payload({}).front(), hog);
    fs::permissions(place.folder(), fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(hog, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    const std::string script =
        fmt::format("while :; do nice -n 19 {} take-memory 200M; done", hog.string());
    const Agent agent(place, {"/bin/sh", "-c", script}, hungry_workload);
    check_served(agent);
}
