// A control group for every session. What needs a cgroup v2 that is ours to change needs root.
#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/cgroup_rig.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using test::CgroupRig;
using test::shell_command;
using test::SuperviseRig;

TEST_CASE("a session's process is born in its cgroup, which goes with it", "[cgroup]") {
    CgroupRig rig;
    auto child = rig.child_of("exec sleep 600", "memory.max");
    // The number keeps a client's name from being a file of the kernel, or that of another session.
    CHECK(rig.groups() == std::vector<std::string>{"memory.max-1"});
    CHECK(initramfs::read_file(rig.cgroups.directory() + "/memory.max-1/cgroup.procs") ==
          fmt::format("{}\n", child.pid()));
    CHECK(rig.cgroups.count() == 1);
    child.kill();
    CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGKILL));
    CHECK(rig.run([&] { return rig.groups().empty() && rig.cgroups.count() == 0; }));
}

TEST_CASE("a kill reaches what left the process group, and after the command's own end",
          "[cgroup]") {
    CgroupRig rig;
    auto child =
        rig.child_of("setsid sh -c 'setsid sleep 600 & sleep 600' & sleep 600 & wait", "a");
    REQUIRE(rig.run([&] { return rig.members("a-1") == 5; }));
    SECTION("while it runs") {
        child.kill();
        CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGKILL));
    }
    SECTION("after its end") {
        REQUIRE(child.signal(SIGTERM).has_value());
        CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGTERM));
        CHECK(rig.run([&] { return rig.members("a-1") == 4; }));
        CHECK(rig.cgroups.count() == 1);
        child.kill();
    }
    CHECK(rig.run([&] { return rig.groups().empty() && rig.cgroups.count() == 0; }));
}

TEST_CASE("a cgroup stays as long as somebody is left in it", "[cgroup]") {
    CgroupRig rig;
    const test::TemporaryDirectory directory;
    const std::string fifo = directory.path() / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    auto child = rig.child_of(fmt::format("cat {} > /dev/null &", fifo), "b");
    CHECK(rig.finish(child).code == 0U);
    // The removal has been tried and waits for the event.
    REQUIRE(rig.run([&] { return rig.calls.counters().completed >= 2; }));
    CHECK(rig.groups() == std::vector<std::string>{"b-1"});
    sys::UniqueFd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    CHECK(writer.valid());
    writer.reset(); // which ends what is left
    CHECK(rig.run([&] { return rig.groups().empty() && rig.cgroups.count() == 0; }));
}

TEST_CASE("what was killed one by one is gone like what cgroup.kill ended", "[cgroup]") {
    CgroupRig rig;
    auto child = rig.child_of("for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; wait", "c");
    REQUIRE(rig.run([&] { return rig.members("c-1") == 10; }));
    const auto directory = sys::open_file(rig.cgroups.directory() + "/c-1", O_RDONLY | O_DIRECTORY);
    REQUIRE(directory.has_value());
    REQUIRE(sys::kill_cgroup_members(directory->get()).has_value());
    CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGKILL));
    CHECK(rig.run([&] { return rig.groups().empty(); }));
}

TEST_CASE("a start into a frozen cgroup is pending, and others go on", "[cgroup]") {
    CgroupRig rig;
    const std::string freezer = rig.cgroups.directory() + "/cgroup.freeze";
    REQUIRE(sys::write_file(freezer, "1").has_value());
    std::optional<supervise::StartResult> frozen;
    rig.begin("exit 7", "d", frozen);
    REQUIRE(rig.run([&] { return rig.members("d-1") == 1; }));
    CHECK(rig.shell("exit 3").code == 3U);
    CHECK_FALSE(frozen.has_value());
    REQUIRE(sys::write_file(freezer, "0").has_value());
    REQUIRE(rig.run([&] { return frozen.has_value(); }));
    REQUIRE(std::holds_alternative<supervise::Child>(*frozen));
    CHECK(rig.finish(std::get<supervise::Child>(*frozen)).code == 7U);
    CHECK(rig.run([&] { return rig.groups().empty(); }));
}

TEST_CASE("a start into a frozen cgroup that is cancelled leaves nothing behind", "[cgroup]") {
    CgroupRig rig;
    const std::string freezer = rig.cgroups.directory() + "/cgroup.freeze";
    REQUIRE(sys::write_file(freezer, "1").has_value());
    boost::asio::cancellation_signal cancel;
    bool ended = false;
    boost::asio::co_spawn(rig.io, rig.grouped.start(shell_command("exit 7"), {}, "e"),
                          boost::asio::bind_cancellation_slot(
                              cancel.slot(), [&](const std::exception_ptr&,
                                                 const supervise::StartResult&) { ended = true; }));
    const int steps = GENERATE(0, 1);
    // Before the group has come from its worker, and after the process was born in it.
    if (steps == 1)
        REQUIRE(rig.run([&] { return rig.members("e-1") == 1; }));
    else
        rig.io.poll();
    cancel.emit(boost::asio::cancellation_type::terminal);
    CHECK(rig.run([&] { return ended && rig.reaper.watched() == 0; }));
    CHECK(rig.run([&] { return rig.groups().empty() && rig.cgroups.count() == 0; }));
    REQUIRE(sys::write_file(freezer, "0").has_value());
}

TEST_CASE("a program that cannot be executed leaves no cgroup", "[cgroup]") {
    CgroupRig rig;
    std::optional<supervise::StartResult> result;
    boost::asio::co_spawn(
        rig.io,
        rig.grouped.start({.argv = {"/nonexistent/program"}, .env = {}, .cwd = "/", .user = ""}, {},
                          "f"),
        [&](const std::exception_ptr&, supervise::StartResult started) {
            result.emplace(std::move(started));
        });
    REQUIRE(rig.run([&] { return result.has_value(); }));
    CHECK(std::get<proto::SpawnFailure>(*result).stage == "exec");
    CHECK(rig.run([&] { return rig.groups().empty() && rig.cgroups.count() == 0; }));
}

TEST_CASE("a hundred sessions at once leave no cgroup", "[cgroup]") {
    CgroupRig rig;
    std::vector<std::optional<supervise::StartResult>> results(100);
    for (auto& result : results)
        rig.begin("exit 0", "g", result);
    CHECK(rig.run([&] {
        return std::all_of(results.begin(), results.end(),
                           [](const auto& result) { return result.has_value(); });
    }));
    CHECK(rig.run([&] { return rig.reaper.watched() == 0 && rig.cgroups.count() == 0; }));
    CHECK(rig.groups().empty());
    CHECK(rig.cgroups.failed() == 0);
}

TEST_CASE("the tree goes with its owner", "[cgroup]") {
    std::string directory;
    {
        CgroupRig rig;
        directory = rig.cgroups.directory();
        auto child = rig.child_of("exit 0", "h");
        (void)rig.finish(child);
    }
    CHECK_FALSE(std::filesystem::exists(std::filesystem::path(directory).parent_path()));
}

TEST_CASE("the tree goes with its owner when what was killed has hardly ended", "[cgroup]") {
    std::string directory;
    {
        CgroupRig rig;
        directory = rig.cgroups.directory();
        for (int i = 0; i < 5; ++i)
            rig.child_of("sleep 600 & wait", "k").kill();
    }
    CHECK_FALSE(std::filesystem::exists(std::filesystem::path(directory).parent_path()));
}

TEST_CASE("a limit without its controller is a failure that names the file", "[cgroup]") {
    CgroupRig rig;
    const auto controllers = sys::read_file(rig.cgroups.directory() + "/cgroup.controllers");
    REQUIRE(controllers.has_value());
    if (controllers->find("memory") != std::string::npos)
        SKIP("here is a memory controller: " << *controllers);
    proto::CgroupLimits limits;
    limits.memory_max = 1 << 24;
    const auto started = rig.start_grouped("exit 0", "i", limits);
    const auto* const failure = std::get_if<proto::SpawnFailure>(&started);
    REQUIRE(failure != nullptr);
    CHECK(failure->stage == "cgroup");
    CHECK(failure->path == "memory.max");
    CHECK_THAT(failure->message, ContainsSubstring("no controller"));
    CHECK(proto::shell_exit_code(*failure) == 126);
    CHECK(rig.groups().empty());
}

TEST_CASE("without a cgroup v2 a process starts, and limits are a failure", "[cgroup]") {
    SuperviseRig rig;
    sys::BlockingCalls calls;
    io::Blocking blocking(rig.io.get_executor(), calls);
    supervise::Cgroups none(rig.io.get_executor(), test::access_to(blocking));
    supervise::Spawner spawner(rig.reaper, rig.io.get_executor(), &none);
    for (const bool limited : {false, true}) {
        proto::Command command = shell_command("exit 5");
        if (limited) command.attributes.cgroup.pids_max = 5;
        std::optional<supervise::StartResult> result;
        boost::asio::co_spawn(rig.io, spawner.start(command, {}, "j"),
                              [&](const std::exception_ptr&, supervise::StartResult started) {
                                  result.emplace(std::move(started));
                              });
        REQUIRE(test::run_until(rig.io, [&] { return result.has_value(); }));
        const auto* const failure = std::get_if<proto::SpawnFailure>(&*result);
        CHECK((failure != nullptr) == limited);
        if (failure != nullptr) {
            CHECK(failure->stage == "cgroup");
            CHECK_THAT(failure->message, ContainsSubstring("limits need a cgroup v2"));
        } else {
            CHECK(rig.finish(std::get<supervise::Child>(*result)).code == 5U);
        }
    }
}

TEST_CASE("limits are the kernel's files in the kernel's words", "[cgroup]") {
    const auto said = [](const proto::CgroupLimits& limits) {
        std::string text;
        for (const sys::CgroupSetting& setting : supervise::cgroup_settings(limits))
            text += fmt::format("{}={};", setting.file, setting.value);
        return text;
    };
    CHECK(said({}).empty());
    CHECK(said({.memory_max = 3,
                .memory_high = 2,
                .memory_swap_max = 0,
                .pids_max = 9,
                .cpu_max_us = 5000,
                .cpu_period_us = 20'000,
                .cpu_weight = 50,
                .io_weight = 70}) ==
          "memory.max=3;memory.high=2;memory.swap.max=0;pids.max=9;cpu.weight=50;io.weight=70;"
          "cpu.max=5000 20000;");
    proto::CgroupLimits cpu;
    cpu.cpu_max_us = 5000;
    CHECK(said(cpu) == "cpu.max=5000 100000;");
}
