// Hooks, and the freezing of control groups and file systems, in the kernel that is there.
#include "agent/restore/filesystem_freezer.hpp"
#include "agent/restore/hook_runner.hpp"
#include "agent/supervise/cgroup_freezer.hpp"
#include "agent/sys/pipe.hpp"
#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/cgroup_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Runs a coroutine to its end and returns its result.
template <typename T>
T result_of(boost::asio::io_context& io, io::Awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(work),
                          [&](const std::exception_ptr&, T value) { result = std::move(value); });
    REQUIRE(test::watch_until(io, [&] { return result.has_value(); }));
    return std::move(*result);
}

proto::RestoreStep run_shell(test::SuperviseRig& rig, const std::string& script,
                             std::chrono::milliseconds timeout = 5s) {
    proto::HooksConfig config;
    config.prepare = {"/bin/sh", "-c", script};
    config.timeout = timeout;
    HookRunner runner(rig.spawner, rig.io.get_executor(), config);
    return result_of(rig.io, runner.run(Hook::prepare, {"prepare", "g", "p"}, 5s));
}

} // namespace

TEST_CASE("a hook finds in its environment what it is run for", "[hook]") {
    test::SuperviseRig rig;
    const test::TemporaryDirectory folder;
    const std::string file = folder.path() / "said";
    const auto step = run_shell(
        rig, fmt::format("echo $ROUSE_HOOK $ROUSE_KIND $ROUSE_GENERATION $ROUSE_PARENT_GENERATION "
                         "> {}; ls -l /proc/self/fd > /dev/null",
                         file));
    CHECK(step.outcome == "ok");
    CHECK(step.name == "hook prepare");
    CHECK(step.detail.empty());
    CHECK(initramfs::read_file(file) == "prepare prepare g p\n");
}

TEST_CASE("a hook that fails is told with its end and the last that it said", "[hook]") {
    test::SuperviseRig rig;
    const auto failed =
        run_shell(rig, "head -c 300000 /dev/zero; echo; echo 'disk \033 full' >&2; exit 3");
    CHECK(failed.outcome == "failed");
    CHECK(failed.detail == "'/bin/sh': exit code 3: disk ? full");
    const auto killed = run_shell(rig, "kill -9 $$");
    CHECK_THAT(killed.detail, ContainsSubstring("SIGKILL"));
    proto::HooksConfig config;
    config.resume = {"/nonexistent"};
    HookRunner runner(rig.spawner, rig.io.get_executor(), config);
    const auto missing = result_of(rig.io, runner.run(Hook::resume, {}, 5s));
    CHECK(missing.outcome == "failed");
    CHECK_THAT(missing.detail, ContainsSubstring("cannot start '/nonexistent': exec failed"));
    CHECK(result_of(rig.io, runner.run(Hook::restored, {}, 5s)).outcome == "skipped");
}

TEST_CASE("a hook that takes too long is killed and reaped", "[hook]") {
    test::SuperviseRig rig;
    const auto step = run_shell(rig, "echo waiting; exec sleep 600", 50ms);
    CHECK(step.outcome == "failed");
    CHECK(step.detail == "'/bin/sh' was killed after 50 ms: waiting");
    CHECK(test::run_until(rig.io, [&] { return rig.reaper.watched() == 0; }));
}

TEST_CASE("a hook that closes its output and what it leaves behind delay nobody", "[hook]") {
    test::SuperviseRig rig;
    const auto step = run_shell(rig, "sleep 1 & exec >&- 2>&-; exit 0");
    CHECK(step.outcome == "ok");
    CHECK(step.duration_us < 900000);
}

TEST_CASE("the payload stands still, and hooks work meanwhile", "[hook][cgroup]") {
    test::CgroupRig rig;
    supervise::CgroupFreezer freezer(rig.io.get_executor(), test::access_to(rig.blocking),
                                     rig.cgroups);
    auto child = rig.child_of("while :; do :; done", "busy");
    CHECK(result_of(rig.io, freezer.freeze(5s)).empty());
    CHECK(result_of(rig.io, freezer.freeze(5s)).empty()); // twice is once
    const auto frozen = [&] {
        return initramfs::read_file(rig.cgroups.directory() + "/busy-1/cgroup.events");
    };
    CHECK_THAT(frozen(), ContainsSubstring("frozen 1"));
    proto::HooksConfig config;
    config.prepare = {"/bin/sh", "-c", "grep -q /hooks/hook-prepare- /proc/self/cgroup"};
    HookRunner runner(rig.grouped, rig.io.get_executor(), config);
    CHECK(result_of(rig.io, runner.run(Hook::prepare, {}, 5s)).outcome == "ok");
    CHECK(result_of(rig.io, freezer.thaw(5s)).empty());
    CHECK_THAT(frozen(), ContainsSubstring("frozen 0"));
    child.kill();
    (void)rig.finish(child);
    CHECK(rig.run([&] { return rig.cgroups.count() == 0; }));
}

TEST_CASE("a payload without control groups cannot be frozen, and says so", "[hook]") {
    boost::asio::io_context io{1};
    sys::BlockingCalls calls;
    io::Blocking blocking(io.get_executor(), calls);
    supervise::Cgroups cgroups(io.get_executor(), test::access_to(blocking));
    supervise::CgroupFreezer freezer(io.get_executor(), test::access_to(blocking), cgroups);
    CHECK(result_of(io, freezer.freeze(5s)) == "there is no cgroup v2 that may be frozen");
    CHECK(result_of(io, freezer.thaw(5s)).empty());
}

TEST_CASE("the payload is thawed even when every worker hangs", "[hook][cgroup]") {
    test::CgroupRig rig;
    supervise::CgroupFreezer freezer(rig.io.get_executor(), test::access_to(rig.blocking),
                                     rig.cgroups);
    CHECK(result_of(rig.io, freezer.freeze(5s)).empty());
    sys::Pipe pipe = sys::make_pipe(sys::PipeMode::blocking).value();
    for (std::size_t i = 0; i < sys::BlockingCalls::most_threads; ++i)
        rig.blocking.post([fd = pipe.read.get()] {
            char byte = 0;
            (void)sys::read_some(fd, std::span<char>(&byte, 1)); // until the other end is closed
        });
    const auto frozen = [&] {
        return initramfs::read_file(rig.cgroups.directory() + "/cgroup.freeze");
    };
    CHECK(frozen() == "1\n");
    CHECK(result_of(rig.io, freezer.freeze(50ms)) == "the kernel has not taken the word to freeze");
    CHECK(result_of(rig.io, freezer.thaw(50ms)).empty());
    CHECK(frozen() == "0\n");
    pipe.write.reset();
    // What nobody waits for any more freezes nothing when a worker comes to it.
    CHECK(rig.run([&] { return rig.calls.counters().running == 0; }));
    CHECK(frozen() == "0\n");
}

TEST_CASE("a file system that cannot be frozen is named", "[hook]") {
    boost::asio::io_context io{1};
    sys::BlockingCalls calls;
    io::Blocking blocking(io.get_executor(), calls);
    FilesystemFreezer freezer(blocking);
    CHECK(result_of(io, freezer.freeze({"/proc"}, 5s)) == "\"/proc\": Operation not supported");
    CHECK(result_of(io, freezer.freeze({"/nowhere"}, 5s)) ==
          "\"/nowhere\": No such file or directory");
    CHECK(freezer.frozen().empty());
    CHECK(result_of(io, freezer.thaw(5s)).empty());
}
