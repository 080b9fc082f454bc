// The end of PID 1 by a fault: in a PID namespace of the test's own, where reboot(2) kills its PID
// 1 by SIGINT for a power-off and by SIGHUP for a reboot.
#include "agent/sys/fault.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using sys::PowerAction;

namespace {

struct LastWords {
    int status = 0; ///< as waitpid(2) tells it
    std::string text;
};

/// In the child: no console, so that the line goes to standard error.
[[noreturn]] void be_pid1(PowerAction action, int error, void (*fail)()) {
    const bool alone = ::getpid() == 1 &&
                       ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       ::mount("none", "/dev", "tmpfs", 0, nullptr) == 0;
    if (!alone || ::dup2(error, STDERR_FILENO) < 0) ::_exit(1);
    if (!sys::end_machine_on_fault(action)) ::_exit(2);
    fail();
    ::_exit(3);
}

/// What a PID 1 says that fails in this way, and how it ends.
LastWords last_words(PowerAction action, void (*fail)()) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    clone_args arguments{};
    arguments.flags = CLONE_NEWPID | CLONE_NEWNS;
    arguments.exit_signal = SIGCHLD;
    const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
    if (child == 0) be_pid1(action, ends[1], fail);
    ::close(ends[1]);
    if (child < 0) ::close(ends[0]);
    if (child < 0) SKIP("no namespaces of our own: this takes root");
    LastWords words;
    std::array<char, 1024> buffer{};
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        words.text.append(buffer.data(), static_cast<std::size_t>(count));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &words.status, 0) == child);
    return words;
}

bool ended_by(const LastWords& words, PowerAction action) {
    return WIFSIGNALED(words.status) &&
           WTERMSIG(words.status) == (action == PowerAction::reboot ? SIGHUP : SIGINT);
}

void write_to_nowhere() {
    auto* volatile nowhere = reinterpret_cast<volatile int*>(0x10);
    *nowhere = 1; // NOLINT: this is what the test is about
}

// NOLINTNEXTLINE(misc-no-recursion): it is to use up the stack
int use_up_the_stack(int depth) {
    std::array<char, 4096> room{};
    room[static_cast<std::size_t>(depth) % room.size()] = 1;
    if (depth < 0) return 0; // never
    return use_up_the_stack(depth + 1) + room[0];
}

void overflow() {
    (void)use_up_the_stack(0); // never returns
}

void complain() {
    throw std::runtime_error("nobody listens");
}

// NOLINTNEXTLINE(bugprone-exception-escape): that is the fault
void throw_in_vain() noexcept {
    complain();
}

void give_up() {
    std::abort();
}

} // namespace

TEST_CASE("a fault of PID 1 says what, which address and where, and ends the machine by its method",
          "[fault]") {
    const PowerAction action = GENERATE(PowerAction::power_off, PowerAction::reboot);
    const LastWords words = last_words(action, &write_to_nowhere);
    INFO(words.text);
    CHECK(ended_by(words, action));
    CHECK_THAT(words.text,
               ContainsSubstring(
                   "\nrouse: fatal signal SEGV in PID 1, address 0x10, instruction rouse+0x"));
    CHECK(
        words.text.ends_with(action == PowerAction::reboot ? ", rebooting\n" : ", powering off\n"));
}

TEST_CASE("a stack that is used up does not keep PID 1 from its last line", "[fault]") {
    const LastWords words = last_words(PowerAction::power_off, &overflow);
    INFO(words.text);
    CHECK(ended_by(words, PowerAction::power_off));
    CHECK_THAT(words.text, ContainsSubstring("\nrouse: fatal signal SEGV in PID 1, address 0x"));
}

TEST_CASE("an exception that escapes in PID 1 is told with its words", "[fault]") {
    const LastWords words = last_words(PowerAction::reboot, &throw_in_vain);
    INFO(words.text);
    CHECK(ended_by(words, PowerAction::reboot));
    CHECK(words.text == "\nrouse: escaped exception: nobody listens in PID 1, rebooting\n");
}

TEST_CASE("an abort of PID 1 is told", "[fault]") {
    const LastWords words = last_words(PowerAction::power_off, &give_up);
    CHECK(ended_by(words, PowerAction::power_off));
    CHECK(words.text == "\nrouse: fatal signal ABRT in PID 1, powering off\n");
}
