// `rouse run` where tini, dumb-init or catatonit stands today: the same scenarios under each.
#include "tests/process/agent.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <set>
#include <string>
#include <vector>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::payload;

namespace {

using Words = std::vector<std::string>;

Words operator+(Words one, const Words& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

/// Programs that do the same; one that is not installed fails the test.
struct Init {
    const char* name;
    Words alone;     ///< signals go to the command alone
    Words to_group;  ///< signals go to its process group
    int last_signal; ///< the highest that it passes on
};

std::vector<Init> inits() {
    return {{"rouse", test::rouse({"run", "-s", "--"}), test::rouse({"run", "-sg", "--"}), 64},
            {"tini", {"tini", "-s", "--"}, {"tini", "-s", "-g", "--"}, 64},
            {"dumb-init", {"dumb-init", "-c", "--"}, {"dumb-init", "--"}, 31},
            {"catatonit", {"catatonit", "--"}, {"catatonit", "-g", "--"}, 64}};
}

/// As PID 1 of a PID namespace, as in a container.
Words as_pid1(const Words& command) {
    return Words{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"} + command;
}

/// Those that a command can be told of: not what its own instructions cause, not what nobody gets
/// to see, and not the end of a child, which is for its parent.
std::vector<int> forwardable() {
    const std::set<int> others = {SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS, SIGFPE,
                                  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT, 32,     33};
    std::vector<int> numbers;
    for (int number = 1; number <= 64; ++number)
        if (!others.contains(number)) numbers.push_back(number);
    return numbers;
}

/// Whether a whole line of the text is this.
bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::size_t count_line(const std::string& text, const std::string& line) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = ("\n" + text).find("\n" + line + "\n", at)) != std::string::npos;
         ++at)
        ++count;
    return count;
}

void wait_for_line(const test::Command& command, const std::string& line, std::size_t times = 1) {
    test::wait_until([&] { return count_line(command.output(), line) >= times; },
                     [&] { return command.output() + command.error(); }, test::patience);
}

/// The signals of the list that the command is told of.
std::set<int> passed_on(const Init& init, const std::vector<int>& numbers) {
    test::Command run(init.alone + payload({"tell-signals"}));
    wait_for_line(run, "listening");
    std::set<int> told;
    std::size_t fences = 0;
    // Of signals that wait, the lowest is taken first: when the highest one is told, all are.
    const std::string fence = std::to_string(init.last_signal);
    for (const int number : numbers) {
        if (number == SIGTERM || number >= init.last_signal) continue;
        run.process().signal(number);
        run.process().signal(init.last_signal);
        wait_for_line(run, fence, ++fences);
        if (has_line(run.output(), std::to_string(number))) told.insert(number);
    }
    if (fences > 0) told.insert(init.last_signal);
    run.process().signal(SIGTERM);
    CHECK(run.finish(test::patience).status == 0);
    if (has_line(run.output(), std::to_string(SIGTERM))) told.insert(SIGTERM);
    return told;
}

/// The process whose number is behind "pid " in the output.
pid_t told_pid(const test::Command& command) {
    test::wait_until([&] { return command.output().find("pid ") != std::string::npos; },
                     [&] { return command.output() + command.error(); }, test::patience);
    const std::string text = command.output();
    const std::string digits = text.substr(text.find("pid ") + 4);
    pid_t pid = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
    REQUIRE(read.ec == std::errc());
    return pid;
}

} // namespace

TEST_CASE("every exit status from 0 to 255 is that of the command, as under the peers",
          "[run][peers][process]") {
    for (const Init& init : inits()) {
        std::vector<Words> commands;
        for (int code = 0; code <= 255; ++code)
            commands.push_back(init.alone + Words{"/bin/sh", "-c", fmt::format("exit {}", code)});
        const auto said = test::run_commands(commands, 4, test::patience);
        for (int code = 0; code <= 255; ++code) {
            INFO(init.name << ", " << code);
            CHECK(said[static_cast<std::size_t>(code)].status == code);
        }
    }
}

TEST_CASE("a command that a signal ends gives 128 and its number, as under the peers",
          "[run][peers][process]") {
    std::vector<int> deadly;
    for (int number = 1; number <= 64; ++number)
        if (number != SIGCHLD && number != SIGCONT && number != SIGSTOP && number != SIGTSTP &&
            number != SIGTTIN && number != SIGTTOU && number != SIGURG && number != SIGWINCH &&
            number != 32 && number != 33)
            deadly.push_back(number);
    for (const Init& init : inits()) {
        std::vector<Words> commands;
        for (const int number : deadly)
            commands.push_back(init.alone + payload({"kill-self", std::to_string(number)}));
        const auto said = test::run_commands(commands, 4, test::patience);
        for (std::size_t i = 0; i < deadly.size(); ++i) {
            INFO(init.name << ", signal " << deadly[i]);
            CHECK(said[i].status == 128 + deadly[i]);
        }
    }
}

TEST_CASE("every signal that can be passed on is, also those that a peer keeps",
          "[run][peers][process]") {
    const std::vector<Init> all = inits();
    const std::vector<int> numbers = forwardable();
    const std::set<int> ours = passed_on(all.front(), numbers);
    CHECK(ours == std::set<int>(numbers.begin(), numbers.end()));
    for (std::size_t i = 1; i < all.size(); ++i) {
        std::vector<int> asked = numbers;
        // By these dumb-init stops itself and its command.
        if (all[i].last_signal == 31)
            std::erase_if(asked, [](int number) {
                return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
            });
        std::set<int> theirs = passed_on(all[i], asked);
        theirs.erase(SIGSYS); // dumb-init passes on what a fault means as well
        INFO(all[i].name);
        CHECK(theirs.size() > 15); // dumb-init knows no real-time signals
        CHECK(std::includes(ours.begin(), ours.end(), theirs.begin(), theirs.end()));
    }
}

TEST_CASE("signals go to the command alone, and with -g to its whole group, as under the peers",
          "[run][peers][process]") {
    const bool to_group = GENERATE(false, true);
    const std::string script = fmt::format(
        "trap 'echo first' USR1; trap 'echo second' USR2; {} tell-signals & echo pid $!; "
        "while :; do wait; done",
        payload({}).front());
    for (const Init& init : inits()) {
        INFO(init.name << (to_group ? ", group" : ", alone"));
        test::Command run((to_group ? init.to_group : init.alone) + Words{"/bin/sh", "-c", script});
        wait_for_line(run, "listening");
        const pid_t other = told_pid(run);
        run.process().signal(SIGUSR1);
        wait_for_line(run, "first");
        run.process().signal(SIGUSR2);
        wait_for_line(run, "second");
        if (to_group) wait_for_line(run, std::to_string(SIGUSR2));
        CHECK(has_line(run.output(), std::to_string(SIGUSR1)) == to_group);
        CHECK(::kill(other, SIGKILL) == 0); // it would outlive its shell
        run.process().signal(SIGTERM);
        CHECK(run.finish(test::patience).status == 128 + SIGTERM);
    }
}

TEST_CASE("as PID 1 of a container it leaves no zombie of 300 orphans, as the peers do",
          "[run][peers][process]") {
    // Only the init and this shell are left in the end.
    const std::string script = fmt::format(
        "{} orphans 300; while set -- /proc/[0-9]*; [ $# -gt 2 ]; do :; done; echo alone; exit 7",
        payload({}).front());
    for (const Init& init : inits()) {
        INFO(init.name);
        const auto said =
            test::run_command(as_pid1(init.alone + Words{"/bin/sh", "-c", script}), test::patience);
        INFO(said.output << said.error);
        CHECK(said.status == 7);
        CHECK(has_line(said.output, "alone"));
    }
}

TEST_CASE("with -s it adopts orphans where it is not PID 1, as tini does",
          "[run][peers][process]") {
    const std::string script =
        fmt::format("({0} tell-signals & echo pid $!); exec {0} tell-signals", payload({}).front());
    for (const Init& init : inits()) {
        if (std::string(init.name) == "dumb-init") continue; // cannot
        INFO(init.name);
        test::Command run(init.alone + Words{"/bin/sh", "-c", script});
        wait_for_line(run, "listening", 2);
        const pid_t orphan = told_pid(run);
        const auto status =
            test::run_command({"cat", fmt::format("/proc/{}/status", orphan)}, test::patience);
        CHECK_THAT(status.output,
                   ContainsSubstring(fmt::format("PPid:\t{}\n", run.process().pid())));
        CHECK(::kill(orphan, SIGTERM) == 0);
        wait_for_line(run, std::to_string(SIGTERM));
        run.process().signal(SIGTERM);
        CHECK(run.finish(test::patience).status == 0);
    }
}

TEST_CASE("with -p it gets the signal when its parent ends, as under tini",
          "[run][peers][process]") {
    const Words init =
        GENERATE(test::rouse({"run", "-p", "TERM"}), Words{"tini", "-s", "-p", "SIGTERM"});
    INFO(init.front());
    test::Command parent(Words{
        "/bin/sh", "-c",
        fmt::format("{} -- {} tell-signals & wait", fmt::join(init, " "), payload({}).front())});
    wait_for_line(parent, "listening");
    parent.process().signal(SIGKILL);
    wait_for_line(parent, std::to_string(SIGTERM));
}

TEST_CASE("with -v it says what happens to the command, and more with -vv", "[run][process]") {
    const auto run = [](const std::string& flags) {
        return test::run_command(test::rouse({"run", flags, "--"}) + payload({"exit", "3"}),
                                 test::patience);
    };
    const auto once = run("-v");
    CHECK(once.status == 3);
    CHECK_THAT(once.error, ContainsSubstring("rouse: workload_started {\"pid\":"));
    CHECK_THAT(once.error, ContainsSubstring("rouse: workload_exit"));
    CHECK_THAT(once.error, !ContainsSubstring("agent_started"));
    CHECK_THAT(run("-vv").error, ContainsSubstring("rouse: agent_started"));
}

TEST_CASE("wrong flags of rouse run are refused by name", "[run][process]") {
    struct Row {
        Words flags;
        const char* why;
    };
    for (const Row& row :
         {Row{{"-x"}, "unknown option '-x'"}, Row{{"-gx"}, "unknown option '-gx'"},
          Row{{"-p"}, "-p needs a signal"}, Row{{"-pNOTHING"}, "-p: 'NOTHING' is no signal"}}) {
        const auto said = test::run_command(test::rouse(Words{"run"} + row.flags), test::patience);
        CHECK(said.status == 2);
        CHECK_THAT(said.error, ContainsSubstring(row.why));
    }
}
