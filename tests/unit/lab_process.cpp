// Child processes that the lab owns.
#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/process.hpp"

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <csignal>
#include <string>

#include <unistd.h>

using namespace rouse;
using lab::Deadline;
using lab::Process;

namespace {

constexpr auto limit = std::chrono::seconds(10);

} // namespace

TEST_CASE("a process reports its exit code or its signal", "[lab]") {
    Process coded = Process::start({.argv = {"sh", "-c", "exit 7"}});
    REQUIRE(coded.wait(Deadline(limit))->shell_code() == 7);
    Process killed = Process::start({.argv = {"sh", "-c", "kill -9 $$"}});
    REQUIRE(killed.wait(Deadline(limit))->shell_code() == 137);
}

TEST_CASE("a program that does not exist is named", "[lab]") {
    REQUIRE_THROWS_AS(Process::start({.argv = {"no-such-program"}}), lab::LabError);
    REQUIRE_THROWS_AS(Process::start({.argv = {"/no/such/program"}}), lab::LabError);
}

TEST_CASE("a process that ends with its owner is reaped and gone", "[lab]") {
    pid_t pid = 0;
    {
        const Process process = Process::start({.argv = {"sleep", "1000"}});
        pid = process.pid();
        REQUIRE(kill(pid, 0) == 0);
    }
    REQUIRE(kill(pid, 0) != 0);
}

TEST_CASE("a process that ignores SIGTERM is stopped all the same", "[lab]") {
    Process process = Process::start({.argv = {"sh", "-c", "trap '' TERM; while :; do :; done"}});
    process.stop(std::chrono::milliseconds(100));
    REQUIRE(process.status().has_value());
}

TEST_CASE("a process gets its log, its environment and no other descriptor of ours", "[lab]") {
    const test::TemporaryDirectory folder;
    // NOLINTNEXTLINE(android-cloexec-dup): a descriptor that an exec would pass on is the point.
    const int leak = dup(STDERR_FILENO);
    Process process = Process::start(
        {.argv = {"sh", "-c", "echo \"$WORD\"; ls /proc/self/fd | wc -l; echo err >&2"},
         .log = folder.path() / "log",
         .environment = {{"WORD", "hello"}}});
    (void)close(leak);
    REQUIRE(process.wait(Deadline(limit))->code == 0);
    // ls has its three standard streams and the directory that it reads.
    REQUIRE(initramfs::read_file(folder.path() / "log") == "hello\n4\nerr\n");
}
