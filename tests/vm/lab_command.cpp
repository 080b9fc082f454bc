// rouse-lab: what it leaves behind, which is nothing.
#include "tests/vm/lab_support.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <csignal>
#include <string>

#include <poll.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::LabCommand;

namespace {

constexpr auto patience = std::chrono::seconds(20);

/// Whether `done` holds before the patience; processes that were killed need a moment to go.
template <typename Done>
bool soon(Done done) {
    const lab::Deadline deadline(patience);
    while (!done()) {
        if (deadline.expired()) return false;
        lab::wait_to_retry(deadline);
    }
    return true;
}

bool nothing_left(const LabCommand& command) {
    return soon([&] { return command.left_processes().empty(); });
}

} // namespace

TEST_CASE("a machine that was taken down leaves nothing", "[lab][vm]") {
    const test::ShellGuest guest("echo up; sleep 1000");
    const LabCommand command;
    const auto up = command.run({"up", "one", "--agent", guest.init(), "--ready", "console"});
    INFO(up.error);
    REQUIRE(up.status == 0);
    REQUIRE_THAT(up.output, ContainsSubstring("rig: ") && ContainsSubstring("one: ready after"));
    REQUIRE_THAT(command.run({"ps"}).output, ContainsSubstring("running"));
    REQUIRE_THAT(command.run({"ps", "--json"}).output, ContainsSubstring(R"("name":"one")"));
    REQUIRE_THAT(command.run({"console", "one"}).output, ContainsSubstring("rouse: READY"));
    REQUIRE_THAT(command.run({"up", "one"}).error, ContainsSubstring("already runs"));
    REQUIRE(command.run({"down", "one"}).status == 0);
    REQUIRE(command.run({"down", "one"}).status == 0);
    REQUIRE(nothing_left(command));
    REQUIRE(command.left_files().empty());
}

TEST_CASE("Ctrl-C in the middle of up leaves nothing", "[lab][vm]") {
    const auto after = GENERATE(std::chrono::milliseconds(20), std::chrono::milliseconds(300),
                                std::chrono::milliseconds(2000));
    INFO("after " << after.count() << " ms");
    const test::ShellGuest guest("sleep 1000");
    const LabCommand command;
    lab::Process up = command.start({"up", "one", "--agent", guest.init()});
    (void)poll(nullptr, 0, static_cast<int>(after.count())); // into the middle of it
    up.signal(SIGINT);
    const auto status = up.wait(lab::Deadline(patience));
    REQUIRE(status.value_or(lab::ExitStatus{}).shell_code() == 128 + SIGINT);
    REQUIRE(nothing_left(command));
    REQUIRE(command.left_files().empty());
}

TEST_CASE("a killed command and a killed keeper take their machine with them", "[lab][vm]") {
    const test::ShellGuest guest("sleep 1000");
    const LabCommand command;
    lab::Process up = command.start({"up", "one", "--agent", guest.init()});
    REQUIRE(soon([&] { return !command.left_processes().empty(); }));
    up.signal(SIGKILL);
    REQUIRE(nothing_left(command));
    REQUIRE_THAT(command.run({"ps"}).output, ContainsSubstring("dead"));
    // The dead machine's name is free.
    const auto again = command.run({"up", "one", "--agent", guest.init(), "--ready", "console"});
    INFO(again.error);
    REQUIRE(again.status == 0);
    const std::string state = command.run({"ps", "--json"}).output;
    const auto keeper = state.find(R"("keeper":)");
    REQUIRE(keeper != std::string::npos);
    REQUIRE(kill(rouse::test::leading_pid(state.substr(keeper + 9)), SIGKILL) == 0);
    REQUIRE(nothing_left(command));
    REQUIRE_THAT(command.run({"console", "one"}).output, ContainsSubstring("rouse: READY"));
    REQUIRE(command.run({"down", "--all"}).status == 0);
    REQUIRE(command.left_files().empty());
}

TEST_CASE("a machine that ended by itself is shown with its reason and no socket", "[lab][vm]") {
    const test::ShellGuest guest("sleep 1; poweroff -f");
    const LabCommand command;
    REQUIRE(command.run({"up", "one", "--agent", guest.init(), "--ready", "console"}).status == 0);
    REQUIRE(
        soon([&] { return command.run({"ps"}).output.find("powered off") != std::string::npos; }));
    REQUIRE(nothing_left(command));
    REQUIRE_THAT(command.run({"exec", "one", "--", "true"}).error,
                 ContainsSubstring("powered off"));
    for (const auto& entry : std::filesystem::directory_iterator(command.folder() / "one"))
        CHECK_FALSE(entry.is_socket());
    REQUIRE(command.run({"down", "one"}).status == 0);
}

TEST_CASE("clones of one snapshot run at once", "[lab][vm]") {
    const test::ShellGuest guest("while :; do echo beat; sleep 0.2; done");
    const LabCommand command;
    const test::TemporaryDirectory folder;
    const std::string file = folder.path() / "saved";
    REQUIRE(command.run({"up", "one", "--agent", guest.init(), "--ready", "console"}).status == 0);
    REQUIRE(command.run({"snapshot", "one", file}).status == 0);
    REQUIRE_THAT(command.run({"ps"}).output, ContainsSubstring("saved to"));
    const auto clones = command.run({"clone", file, "3", "--ready", "none"});
    INFO(clones.error);
    REQUIRE(clones.status == 0);
    const std::string state = command.run({"ps"}).output;
    for (const std::string name : {"clone-1", "clone-2", "clone-3"})
        CHECK_THAT(state, ContainsSubstring(name));
    REQUIRE(command.run({"down", "--all"}).status == 0);
    REQUIRE(nothing_left(command));
}
