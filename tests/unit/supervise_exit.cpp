// How processes end, and that the reaper tells it right.

#include "tests/unit/supervise_rig.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>

#include <signal.h>
#include <sys/prctl.h>

using namespace rouse;
using test::SuperviseRig;

namespace {

proto::Command sleeper() {
    return {.argv = {"/bin/sleep", "600"}, .env = {}, .cwd = "/", .user = ""};
}

/// Makes this process the one that orphans are given to, as PID 1 is, while it lives.
class Subreaper {
public:
    Subreaper() { REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0); }
    Subreaper(const Subreaper&) = delete;
    Subreaper& operator=(const Subreaper&) = delete;
    ~Subreaper() { (void)::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }
};

} // namespace

TEST_CASE("every exit code arrives as it was given", "[supervise]") {
    SuperviseRig rig;
    for (unsigned code = 0; code <= 255; ++code) {
        const proto::ExitStatus status = rig.shell("exit " + std::to_string(code));
        CAPTURE(code);
        CHECK(status.code == code);
        CHECK_FALSE(status.signal.has_value());
        CHECK_FALSE(status.core);
    }
    CHECK(rig.reaper.counters().children == 256);
    CHECK(rig.reaper.watched() == 0);
}

TEST_CASE("every signal that ends a process is reported as such", "[supervise]") {
    SuperviseRig rig;
    const std::array harmless{SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
                              SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number >= 32 && number < SIGRTMIN) continue; // the C library's own
        if (std::find(harmless.begin(), harmless.end(), number) != harmless.end()) continue;
        CAPTURE(number);
        auto started = rig.start(sleeper());
        auto& child = std::get<supervise::Child>(started);
        REQUIRE(child.signal_group(number).has_value());
        const proto::ExitStatus status = rig.finish(child);
        CHECK(status.signal == static_cast<std::uint64_t>(number));
        CHECK_FALSE(status.code.has_value());
    }
}

TEST_CASE("an exit status tells what the process used", "[supervise]") {
    SuperviseRig rig;
    const auto status = rig.shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
    CHECK(status.max_rss_kib > 0);
    CHECK(status.user_us + status.system_us > 0);
    CHECK(status.wall_us > 0);
    CHECK(status.wall_us < 10'000'000);
}

TEST_CASE("no signal goes to a reaped pid", "[supervise]") {
    SuperviseRig rig;
    auto started = rig.start({.argv = {"/bin/true"}, .env = {}, .cwd = "/", .user = ""});
    auto& child = std::get<supervise::Child>(started);
    (void)rig.finish(child);
    CHECK_FALSE(child.running());
    // Without the rule this would be ESRCH now, and somebody else's end later.
    CHECK(child.signal(SIGKILL).has_value());
    CHECK(child.signal_group(SIGKILL).has_value());
}

TEST_CASE("several wait for one exit, and the Child may be gone", "[supervise]") {
    SuperviseRig rig;
    int told = 0;
    {
        auto started = rig.start(sleeper());
        auto& child = std::get<supervise::Child>(started);
        for (int i = 0; i < 3; ++i)
            boost::asio::co_spawn(
                rig.io, child.wait(),
                [&](const std::exception_ptr&, const std::optional<proto::ExitStatus>& status) {
                    told += status && status->signal == SIGTERM ? 1 : 0;
                });
        rig.io.poll();
        REQUIRE(child.signal(SIGTERM).has_value());
    }
    CHECK(test::run_until(rig.io, [&] { return told == 3; }));
}

TEST_CASE("orphans are reaped and counted", "[supervise]") {
    const Subreaper subreaper;
    SuperviseRig rig;
    // Each inner shell starts a child and leaves it; the outer one waits for the inner ones only.
    const auto status = rig.shell("i=0; while [ $i -lt 50 ]; do (/bin/true &) ; i=$((i+1)); done");
    CHECK(status.code == 0U);
    CHECK(test::run_until(rig.io, [&] { return rig.reaper.counters().orphans == 50; }));
    CHECK(rig.reaper.counters().children == 1);
}

TEST_CASE("a hundred children at once all get their own status", "[supervise]") {
    SuperviseRig rig;
    std::vector<supervise::StartResult> started;
    for (int i = 0; i < 100; ++i)
        started.push_back(rig.start({.argv = {"/bin/sh", "-c", "exit " + std::to_string(i)},
                                     .env = {},
                                     .cwd = "/",
                                     .user = ""}));
    for (std::size_t i = 0; i < started.size(); ++i)
        CHECK(rig.finish(std::get<supervise::Child>(started[i])).code == i);
    CHECK(rig.reaper.counters().children == 100);
}
