// How commands end, all of it: every exit code, every signal, cores, what they used, and what keeps
// them from running.
#include "proto/exec_stream.hpp"
#include "tests/process/exec_scene.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <spawn.h>
#include <sys/wait.h>

using namespace rouse;
using proto::FrameType;
using test::Agent;
using test::AgentPlace;
using test::FrameConnection;
using test::payload;

namespace {

/// A command and how it is to end.
struct Ending {
    std::vector<std::string> argv;
    std::optional<std::uint64_t> code;
    std::optional<std::uint64_t> signal;
};

bool is_reserved(int number) {
    return number >= __SIGRTMIN && number < SIGRTMIN; // the C library's own
}

/// Whether a process that did nothing about a signal survives it. The stops do nothing to a
/// process group that nobody could continue, and that of a session's leader is one.
bool is_survived(int number) {
    constexpr std::array harmless{SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU};
    return std::find(harmless.begin(), harmless.end(), number) != harmless.end();
}

Ending ending_by_code(unsigned code) {
    return {payload({"exit", std::to_string(code)}), code, std::nullopt};
}

Ending ending_by_signal(int number) {
    Ending ending{payload({"kill-self", std::to_string(number)}), std::nullopt, std::nullopt};
    if (is_survived(number))
        ending.code = 1; // what the payload says when the signal did nothing
    else
        ending.signal = static_cast<std::uint64_t>(number);
    return ending;
}

std::vector<Ending> all_endings() {
    std::vector<Ending> endings;
    for (unsigned code = 0; code < 256; ++code)
        endings.push_back(ending_by_code(code));
    for (int number = 1; number <= SIGRTMAX; ++number)
        if (!is_reserved(number) && number != SIGSTOP) endings.push_back(ending_by_signal(number));
    return endings;
}

void check_ending(const Ending& ending, const std::optional<proto::ExitStatus>& exit) {
    INFO(fmt::format("{}", fmt::join(ending.argv, " ")));
    REQUIRE(exit);
    CHECK(exit->code == ending.code);
    CHECK(exit->signal == ending.signal);
    CHECK_FALSE(exit->core);
}

proto::ExecRequest without_core(std::vector<std::string> argv) {
    proto::ExecRequest request = test::exec_request(std::move(argv));
    request.command.attributes.rlimits["core"] = {.soft = 0, .hard = 0};
    return request;
}

/// The kernel's word about the core of a process that dies by SIGSEGV in `directory`.
bool kernel_dumps_core(const std::filesystem::path& directory) {
    std::string shell = "/bin/sh";
    std::string option = "-c";
    std::string script =
        fmt::format("ulimit -c unlimited; cd {} && kill -SEGV $$", directory.string());
    const std::array<char*, 4> argv{shell.data(), option.data(), script.data(), nullptr};
    pid_t child = 0;
    REQUIRE(posix_spawn(&child, shell.c_str(), nullptr, nullptr, argv.data(), environ) == 0);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    return WCOREDUMP(status);
}

char process_state(pid_t pid) {
    const std::string stat = test::text_of(fmt::format("/proc/{}/stat", pid));
    const auto name_end = stat.rfind(')');
    return name_end == std::string::npos ? ' ' : stat.at(name_end + 2);
}

} // namespace

TEST_CASE("every exit code and every signal comes back, with a terminal and without",
          "[exec-tables][exec][process]") {
    const bool with_terminal = GENERATE(false, true);
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const std::vector<Ending> endings = all_endings();
    std::vector<proto::ExecRequest> requests;
    for (const Ending& ending : endings) {
        requests.push_back(without_core(ending.argv));
        if (with_terminal) requests.back().session.tty = proto::TerminalSize{};
    }
    const auto results = run_streams(agent.endpoint(), requests, 20);
    CAPTURE(with_terminal);
    for (std::size_t at = 0; at < endings.size(); ++at)
        check_ending(endings[at], results[at].exit);
}

TEST_CASE("a plain answer tells the same ends as a stream", "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    std::vector<Ending> endings;
    for (const unsigned code : {0U, 1U, 2U, 125U, 126U, 127U, 128U, 129U, 254U, 255U})
        endings.push_back(ending_by_code(code));
    for (const int number : {SIGHUP, SIGKILL, SIGUSR1, SIGPIPE, SIGTERM, SIGRTMIN, SIGRTMAX})
        endings.push_back(ending_by_signal(number));
    std::vector<std::vector<std::string>> commands;
    for (const Ending& ending : endings)
        commands.push_back(ending.argv);
    const auto results = exec_all(agent.endpoint(), commands, commands.size());
    for (std::size_t at = 0; at < endings.size(); ++at)
        check_ending(endings[at], results[at].exit);
}

TEST_CASE("rousectl ends like a shell, whatever ended or kept its command from running",
          "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    std::vector<std::pair<std::vector<std::string>, int>> rows{
        {{"/no/such/program"}, 127}, {{"/etc"}, 126}, {{"/etc/passwd"}, 126}};
    for (const int code : {0, 1, 125, 126, 127, 255})
        rows.emplace_back(payload({"exit", std::to_string(code)}), code);
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM, SIGRTMIN, SIGRTMAX})
        rows.emplace_back(payload({"kill-self", std::to_string(number)}), 128 + number);
    std::vector<std::vector<std::string>> commands;
    for (const auto& [words, status] : rows) {
        commands.push_back({lab::build_product("tools/rousectl").string(), "-H",
                            agent.endpoint().target(), "exec", "--ulimit", "core=0", "--"});
        commands.back().insert(commands.back().end(), words.begin(), words.end());
    }
    const auto said = test::run_commands(commands, 4, std::chrono::minutes(1));
    for (std::size_t at = 0; at < rows.size(); ++at) {
        INFO(fmt::format("{}: {}", fmt::join(rows[at].first, " "), said[at].error));
        CHECK(said[at].status == rows[at].second);
    }
}

TEST_CASE("a command that is stopped has not ended, and goes on when it is continued",
          "[exec-tables][exec][process]") {
    const bool with_terminal = GENERATE(false, true);
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto request = test::exec_request(payload({"kill-self", std::to_string(SIGSTOP)}));
    if (with_terminal) request.session.tty = proto::TerminalSize{};
    auto stream = FrameConnection::exec(agent.endpoint(), request);
    const pid_t pid = test::started_pid(stream);
    test::wait_until([&] { return process_state(pid) == 'T'; },
                     [&] { return std::string(1, process_state(pid)); }, test::patience);
    REQUIRE(stream.send(FrameType::signal, {{"signal", SIGCONT}}));
    CHECK(run_stream(stream).exit->code == 1U);
}

TEST_CASE("every signal that can be caught reaches a command by its number",
          "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    auto stream =
        FrameConnection::exec(agent.endpoint(), test::exec_request(payload({"tell-signals"})));
    std::string told;
    const auto await_told = [&](const std::string& text) {
        while (told.size() < text.size()) {
            told += test::await_frame(stream, FrameType::data).payload;
            REQUIRE(acknowledge(stream, proto::stream_id::out, told.size()));
        }
        REQUIRE(told == text);
    };
    std::string expected = "listening\n";
    await_told(expected);
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number == SIGKILL || number == SIGSTOP || number == SIGTERM || is_reserved(number))
            continue;
        REQUIRE(stream.send(FrameType::signal, {{"signal", number}}));
        expected += fmt::format("{}\n", number);
        await_told(expected);
    }
    REQUIRE(stream.send(FrameType::signal, {{"signal", SIGTERM}}));
    const auto status = test::await_frame(stream, FrameType::exit).payload;
    CHECK(proto::parse_exit_status(proto::parse_json(status).value())->code == 0U);
}

TEST_CASE("a core is told where the kernel wrote one", "[exec-tables][exec][process]") {
    const AgentPlace place;
    const Agent agent(place, test::idle_workload());
    const bool expected = kernel_dumps_core(place.folder());
    for (const bool wanted : {true, false}) {
        auto request = test::shell_request("kill -SEGV $$");
        request.command.cwd = place.folder();
        const std::uint64_t limit = wanted ? proto::ResourceLimit::unlimited : 0;
        request.command.attributes.rlimits["core"] = {.soft = limit, .hard = limit};
        auto stream = FrameConnection::exec(agent.endpoint(), request);
        const auto exit = run_stream(stream).exit.value();
        CAPTURE(wanted, expected);
        CHECK(exit.signal == static_cast<std::uint64_t>(SIGSEGV));
        CHECK(exit.core == (wanted && expected));
    }
}
