// Clients that vanish, and commands that end while somebody keeps their outputs: what becomes of
// the others, and when.
#include "proto/exec_stream.hpp"
#include "proto/output.hpp"
#include "tests/process/exec_scene.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <poll.h>
#include <sys/syscall.h>

using namespace rouse;
using namespace std::chrono_literals;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using Clock = std::chrono::steady_clock;

namespace {

/// A machine under sanitizers and with neighbours may be late once, but not each time.
constexpr int tries = 5;
constexpr std::chrono::milliseconds grace = 300ms;

bool is_alive(pid_t pid) {
    return kill(pid, 0) == 0;
}

/// The cgroup of version 2 that a process is in.
std::string cgroup_of(pid_t pid) {
    const std::string text = test::text_of(fmt::format("/proc/{}/cgroup", pid));
    const auto at = text.find("0::");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

/// A command with all that it has started.
struct Family {
    pid_t leader = 0;
    pid_t member = 0;      ///< of its process group
    pid_t runaway = 0;     ///< with a session of its own
    bool confined = false; ///< to a cgroup, from which nobody runs away

    /// Those that end with the command.
    [[nodiscard]] std::vector<pid_t> bound() const {
        if (confined) return {leader, member, runaway};
        return {leader, member};
    }
};

/// Reads and acknowledges stdout until there is a whole line.
std::string read_line(FrameConnection& stream) {
    std::string line;
    while (!line.ends_with('\n')) {
        line += test::await_frame(stream, FrameType::data).payload;
        REQUIRE(acknowledge(stream, proto::stream_id::out, line.size()));
    }
    return line;
}

Family start_family(const Agent& agent, FrameConnection& stream) {
    Family family;
    family.leader = test::started_pid(stream);
    std::istringstream(read_line(stream)) >> family.member >> family.runaway;
    const auto workload = static_cast<pid_t>(test::session_of(agent.endpoint(), "main").pid);
    family.confined = cgroup_of(family.leader) != cgroup_of(workload);
    return family;
}

proto::ExecRequest family_request(proto::OnDisconnect on_disconnect) {
    auto request = test::shell_request(
        "sleep 1000 & member=$!; setsid sleep 1000 & echo $member $!; wait", "family");
    request.session.reattach_grace = grace;
    request.session.on_disconnect = on_disconnect;
    return request;
}

/// How long a family lived without its client.
std::chrono::milliseconds survival() {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    Family family;
    {
        auto stream =
            FrameConnection::exec(agent.endpoint(), family_request(proto::OnDisconnect::kill));
        family = start_family(agent, stream);
    }
    const auto vanished = Clock::now();
    const auto all = family.bound();
    test::wait_until([&] { return std::none_of(all.begin(), all.end(), is_alive); },
                     [] { return "the command outlives its client"; }, test::patience);
    const auto lived = Clock::now() - vanished;
    if (!family.confined) (void)kill(family.runaway, SIGKILL); // ours; it has a session of its own
    return std::chrono::duration_cast<std::chrono::milliseconds>(lived);
}

/// When a process that runs now has ended, by the kernel's word.
Clock::time_point death_of(lab::Descriptor process) {
    pollfd entry{.fd = process.get(), .events = POLLIN, .revents = 0};
    if (poll(&entry, 1, 30'000) != 1) throw std::runtime_error("the process does not end");
    return Clock::now();
}

/// What a client heard of a command whose outputs somebody keeps.
struct LastWords {
    Clock::duration until_exit{}; ///< from the death, like the next
    Clock::duration until_end{};  ///< the end of stdout
    std::uint64_t code = 0;
    std::uint64_t bytes_after_exit = 0;
    proto::EndOfStream::How how = proto::EndOfStream::How::closed;
};

LastWords hear_out(const Agent& agent) {
    // One that writes and one that is silent, each longer than anybody would wait.
    auto stream = FrameConnection::exec(
        agent.endpoint(),
        test::shell_request("sleep 60 & echo $!; (while :; do echo late; sleep 0.01; done) & "
                            "read line; exit 3"));
    const pid_t leader = test::started_pid(stream);
    const auto silent = static_cast<pid_t>(test::leading_number(read_line(stream)));
    lab::Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, leader, 0)));
    REQUIRE(process.is_open());
    auto death = std::async(std::launch::async, death_of, std::move(process));
    REQUIRE(stream.send({.stream = proto::stream_id::in}, "go\n"));
    LastWords words;
    Clock::time_point exited;
    for (bool ended = false; !ended;) {
        const proto::Frame frame = stream.receive().value();
        const bool is_stdout = frame.header.stream == proto::stream_id::out;
        if (frame.header.type == FrameType::exit) {
            exited = Clock::now();
            const auto status = proto::parse_json(frame.payload);
            words.code = test::number_at(status.value(), "/code");
        }
        if (frame.header.type == FrameType::data && exited != Clock::time_point())
            words.bytes_after_exit += frame.payload.size();
        ended = frame.header.type == FrameType::eos && is_stdout;
        if (ended) words.how = proto::parse_end_of_stream(frame.payload)->how;
    }
    const auto died = death.get();
    words.until_exit = exited - died;
    words.until_end = Clock::now() - died;
    CHECK(is_alive(silent));
    CHECK(kill(silent, SIGKILL) == 0); // ours, and nobody else's any more
    return words;
}

} // namespace

TEST_CASE("a command whose client stays away ends with all that it started, after the grace",
          "[exec-vanish][exec][process][alone]") {
    std::vector<std::chrono::milliseconds> lived;
    while (lived.size() < tries && (lived.empty() || lived.back() > grace + 1s))
        lived.push_back(survival());
    CAPTURE(lived.size());
    CHECK(*std::min_element(lived.begin(), lived.end()) >= grace);
    CHECK(lived.back() <= grace + 1s);
}

TEST_CASE("a command that is to be kept goes on when its client stays away",
          "[exec-vanish][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    Family family;
    {
        auto stream =
            FrameConnection::exec(agent.endpoint(), family_request(proto::OnDisconnect::keep));
        family = start_family(agent, stream);
    }
    test::wait_until([&] { return test::session_of(agent.endpoint(), "family").detached; },
                     [] { return "the grace does not end"; }, test::patience);
    const auto kept = test::session_of(agent.endpoint(), "family");
    CHECK(kept.state == "running");
    CHECK_FALSE(kept.controlled);
    CHECK(is_alive(family.leader));
    CHECK(is_alive(family.member));
    CHECK(is_alive(family.runaway));
    CHECK(kill(family.runaway, SIGKILL) == 0); // ours; it has a session of its own
    const auto killed = ask(agent.endpoint(), "POST", "/v1/sessions/family/signal",
                            fmt::format(R"({{"signal":{}}})", SIGKILL));
    CHECK(killed.status == 200);
}

TEST_CASE("an exit is told within 50 ms of the death although somebody keeps the outputs, "
          "and what still comes is told until the drain deadline",
          "[exec-vanish][exec][process][alone]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    std::vector<Clock::duration> until_exit;
    std::uint64_t late_bytes = 0;
    for (int turn = 0; turn < tries; ++turn) {
        const LastWords words = hear_out(agent);
        CHECK(words.code == 3);
        CHECK(words.how == proto::EndOfStream::How::lingered);
        // We may learn of the death later than the agent does.
        CHECK(words.until_end >= proto::limits::drain_deadline_exec - 50ms);
        CHECK(words.until_end < 10s); // of the 60 for which the outputs are kept
        until_exit.push_back(words.until_exit);
        late_bytes += words.bytes_after_exit;
    }
    CHECK(*std::min_element(until_exit.begin(), until_exit.end()) <= 50ms);
    CHECK(late_bytes > 0);
}
