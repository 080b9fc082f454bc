// Small facilities of the kernel that need no privilege, or say that they lack it.

#include "agent/sys/clock.hpp"
#include "agent/sys/console.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/network.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/random.hpp"
#include "agent/sys/signals.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace rouse;

TEST_CASE("a small file is read whole, and a large one is refused", "[sys]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "file";
    std::ofstream(path) << std::string(10'000, 'x');
    CHECK(sys::read_file(path)->size() == 10'000);
    CHECK(sys::read_file(path, 10'000)->size() == 10'000);
    CHECK(sys::read_file(path, 9'999).error() == sys::error_from(EFBIG));
    CHECK(sys::read_file(path + "x").error() == sys::error_from(ENOENT));
    CHECK(sys::write_file(path + "x", "y").error() == sys::error_from(ENOENT));
}

TEST_CASE("what we occupy is known", "[sys]") {
    const auto memory = sys::own_memory();
    REQUIRE(memory.has_value());
    CHECK(memory->rss_kib > 0);
    CHECK(memory->anonymous_kib > 0);
    CHECK(memory->anonymous_kib < memory->rss_kib);
    CHECK_FALSE(sys::kernel_release().empty());
    CHECK_FALSE(sys::machine_architecture().empty());
}

TEST_CASE("random bytes fill a buffer of any size", "[sys]") {
    std::array<std::uint8_t, 1000> bytes{};
    REQUIRE(sys::fill_random(bytes).has_value());
    CHECK(bytes != std::array<std::uint8_t, 1000>{});
    CHECK(sys::fill_random({}).has_value());
}

TEST_CASE("entropy of an impossible size is refused", "[sys]") {
    CHECK(sys::add_entropy({}).error() == sys::error_from(EINVAL));
    const std::array<std::uint8_t, sys::entropy_limit + 1> bytes{};
    CHECK(sys::add_entropy(bytes).error() == sys::error_from(EINVAL));
}

TEST_CASE("the clock is not set before the epoch", "[sys]") {
    CHECK(sys::realtime() > 1'600'000'000'000'000'000);
    CHECK(sys::set_realtime(-1).error() == sys::error_from(EINVAL));
}

TEST_CASE("directories and links that exist are fine", "[sys]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "made";
    CHECK(sys::make_directory(path, 0700).has_value());
    CHECK(sys::make_directory(path, 0700).has_value());
    CHECK(sys::make_directory(path + "/a/b", 0700).error() == sys::error_from(ENOENT));
    CHECK(sys::make_symlink("target", path + "/link").has_value());
    CHECK(sys::make_symlink("other", path + "/link").has_value());
    std::array<char, 16> target{};
    CHECK(::readlink((path + "/link").c_str(), target.data(), target.size()) == 6);
}

TEST_CASE("an interface that does not exist is told", "[sys]") {
    CHECK(sys::bring_up("no-such-if0").error() == sys::error_from(ENODEV));
    CHECK(sys::bring_up("a-name-that-is-much-too-long").error() == sys::error_from(ENODEV));
}

TEST_CASE("a console that nobody reads drops lines and never blocks", "[sys]") {
    const sys::UniqueFd saved(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    auto pipe = sys::make_pipe(sys::PipeMode::nonblocking_read);
    REQUIRE(pipe.has_value());
    REQUIRE(::dup2(pipe->write.get(), STDERR_FILENO) == STDERR_FILENO);
    auto console = sys::Console::open_stderr();
    (void)::dup2(saved.get(), STDERR_FILENO);
    REQUIRE(console.has_value());

    console->write_line("first");
    CHECK(sys::bytes_readable(pipe->read.get()).value() == 6);
    for (int i = 0; i < 200; ++i)
        console->write_line(std::string(1000, 'x'));
    CHECK(console->dropped() > 0);
    // The description that others share stays blocking.
    CHECK((::fcntl(pipe->write.get(), F_GETFL) & O_NONBLOCK) == 0);

    std::array<char, 4096> buffer{};
    while (sys::read_some(pipe->read.get(), buffer)->outcome == sys::IoOutcome::moved) {
    }
    const std::uint64_t before = console->dropped();
    console->write_line("last");
    CHECK(console->dropped() == before);
    const auto last = sys::read_some(pipe->read.get(), buffer);
    CHECK(std::string(buffer.data(), last->bytes).ends_with("last\n"));
}

TEST_CASE("a blocked signal is read from its descriptor", "[sys]") {
    sigset_t set{};
    sigset_t before{};
    (void)::sigemptyset(&set);
    (void)::sigaddset(&set, SIGUSR2);
    REQUIRE(::pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    const auto fd = sys::make_signalfd(set);
    REQUIRE(fd.has_value());
    CHECK_FALSE(sys::read_signal(fd->get())->has_value());
    REQUIRE(::raise(SIGUSR2) == 0);
    const auto signal = sys::read_signal(fd->get());
    REQUIRE(signal->has_value());
    CHECK((*signal)->number == SIGUSR2);
    CHECK((*signal)->sender == ::getpid());
    REQUIRE(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

TEST_CASE("signals of a fault are never blocked", "[sys]") {
    const sigset_t set = sys::all_but_faults();
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
        CHECK(::sigismember(&set, fault) == 0);
    for (const int ordinary : {SIGTERM, SIGINT, SIGCHLD, SIGPWR, SIGHUP, SIGUSR1, SIGRTMIN + 3})
        CHECK(::sigismember(&set, ordinary) == 1);
}
