// The rows of the failure table that belong to exec: each scenario keeps its promise with its
// defence, and breaks it when the defence is switched off.
#include "proto/exec_stream.hpp"
#include "tests/process/exec_scene.hpp"
#include "tools/lab/relay.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <future>
#include <stdexcept>

#include <sys/ioctl.h>

using namespace rouse;
using namespace std::chrono_literals;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::Environment;
using test::FrameConnection;
using test::payload;

namespace {

/// Says nothing: the end of the workload must not wait for a host that takes its output.
const std::vector<std::string> mute_workload{"/bin/sleep", "1000"};

/// Whether a promise that throws when it is not kept was kept.
template <typename Promise>
bool is_kept(Promise promise) {
    try {
        return promise();
    } catch (const std::runtime_error&) {
        return false;
    }
}

/// Waits until no more answers fit into a client's socket: whoever wants to write one has to wait.
void await_full(test::Connection& connection) {
    int last = 0;
    lab::Deadline settled(test::patience);
    test::wait_until(
        [&] {
            int waiting = 0;
            if (ioctl(connection.descriptor(), FIONREAD, &waiting) != 0)
                throw std::runtime_error("FIONREAD");
            if (waiting != last) settled = lab::Deadline(300ms);
            last = waiting;
            return settled.expired();
        },
        [&] { return fmt::format("{} bytes wait", last); }, test::patience);
}

/// Ends the workload and waits for it. Without "exit-first" an agent that is told to end does so
/// only when it has no workload any more.
void end_workload(Agent& agent) {
    const auto pid = test::session_of(agent.endpoint(), "main").pid;
    agent.signal(SIGTERM);
    test::wait_until([&] { return !std::filesystem::exists(fmt::format("/proc/{}", pid)); },
                     [] { return "the workload goes on"; }, test::patience);
}

/// A client whose answers nobody reads is read all the same, and so are the others.
bool reader_goes_on_beside_a_blocked_writer(const Environment& environment) {
    // What a socket holds is counted by the packet, so that small ones fill it soon.
    constexpr int pings = 3000;
    const std::string line = "typed\n";
    const AgentPlace place;
    const Agent agent(place, mute_workload, {}, environment);
    auto stream = FrameConnection::exec(agent.endpoint(), test::exec_request({"cat"}, "typing"));
    (void)stream.expect(FrameType::started);
    std::string asked;
    for (int ping = 0; ping < pings; ++ping)
        asked += proto::encode({.type = FrameType::ping}, std::to_string(ping));
    return is_kept([&] {
        if (!stream.connection().send(asked, 3s)) return false;
        await_full(stream.connection());
        if (!stream.send({.stream = proto::stream_id::in}, line)) return false;
        const lab::Deadline deadline(6s);
        std::string told;
        while (told.find(fmt::format(R"("received":{})", line.size())) == std::string::npos)
            told = ask(agent.endpoint(), "GET", "/v1/sessions/typing", {}, deadline.left()).body;
        // The answers were written when there was room, in their order, and the echo is whole.
        for (int ping = 0; ping < pings; ++ping)
            if (await_frame(stream, FrameType::pong).payload != std::to_string(ping)) return false;
        return true;
    });
}

/// EXIT comes at once, although the client pauses and somebody keeps the streams.
bool exit_comes_before_the_ends(const Environment& environment) {
    const AgentPlace place;
    Agent agent(place, mute_workload, {}, environment);
    // More than the window, and no more than a pipe holds beside it.
    auto stream =
        FrameConnection::exec(agent.endpoint(), test::exec_request(payload({"keep-pipe", "96K"})));
    const bool kept = is_kept([&] {
        (void)await_frame(stream, FrameType::exit, 6s);
        return true;
    });
    end_workload(agent);
    return kept;
}

/// What somebody has left open for the agent without close-on-exec does not reach a command.
bool commands_have_three_descriptors(const Environment& environment) {
    const AgentPlace place;
    std::vector<std::string> argv{"/bin/sh", "-c", "exec 9</dev/null; exec \"$@\"", "sh"};
    for (std::string& word : test::rouse({"run", "--socket", place.socket(), "--"}))
        argv.push_back(std::move(word));
    argv.insert(argv.end(), mute_workload.begin(), mute_workload.end());
    test::Command agent(std::move(argv), environment);
    test::wait_until([&] { return lab::connect_unix(place.socket()).has_value(); },
                     [&] { return agent.error(); }, test::patience);
    const std::string facts = exec(place.endpoint(), payload({"facts"})).out.bytes;
    agent.process().signal(SIGTERM);
    (void)agent.finish(test::patience);
    if (facts.find("descriptors=0 1 2 9\n") != std::string::npos) return false;
    if (facts.find("descriptors=0 1 2\n") != std::string::npos) return true;
    throw std::logic_error(facts);
}

/// A defence, by its name as in ROUSE_DEFENCE_OFF, and the promise that it keeps.
struct ExecRow {
    const char* defence;
    bool (*promise)(const Environment& environment);
};

constexpr std::array exec_rows = {
    ExecRow{"independent-writers", reader_goes_on_beside_a_blocked_writer},
    ExecRow{"exit-first", exit_comes_before_the_ends},
    ExecRow{"close-range", commands_have_three_descriptors},
};

} // namespace

TEST_CASE("each defence of exec keeps a promise that is broken without it",
          "[exec-defences][exec][process]") {
    const ExecRow& row = exec_rows.at(GENERATE(range(std::size_t{0}, exec_rows.size())));
    CAPTURE(row.defence);
    // Most of it is waiting, so both scenes are played at once.
    std::future<bool> without = std::async(std::launch::async, row.promise,
                                           Environment{{"ROUSE_DEFENCE_OFF", row.defence}});
    CHECK(row.promise({}));
    CHECK_FALSE(without.get());
}
