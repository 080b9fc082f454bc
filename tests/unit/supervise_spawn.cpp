// What a started process finds, and how a failed start is told.

#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/supervise_rig.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::SuperviseRig;

namespace {

proto::Command command(std::vector<std::string> argv) {
    return {.argv = std::move(argv), .env = {}, .cwd = "/", .user = ""};
}

proto::SpawnFailure failure_of(SuperviseRig& rig, const proto::Command& wanted) {
    const auto started = rig.start(wanted);
    REQUIRE(std::holds_alternative<proto::SpawnFailure>(started));
    // A failure is complete: whoever was started is reaped.
    CHECK(test::run_until(rig.io, [&] { return rig.reaper.watched() == 0; }));
    return std::get<proto::SpawnFailure>(started);
}

/// What the command prints on stdout.
std::string output_of(SuperviseRig& rig, const proto::Command& wanted) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "out";
    sys::Result<sys::UniqueFd> file = sys::open_file(path, O_WRONLY | O_CREAT, 0644);
    REQUIRE(file.has_value());
    auto started = rig.start(wanted, {.in = -1, .out = file->get(), .err = file->get()});
    REQUIRE(std::holds_alternative<supervise::Child>(started));
    (void)rig.finish(std::get<supervise::Child>(started));
    return initramfs::read_file(path);
}

} // namespace

TEST_CASE("a program that does not exist is told with stage exec and ENOENT", "[supervise]") {
    SuperviseRig rig;
    for (const char* const program : {"/nonexistent/program", "no-such-program-anywhere", ""}) {
        CAPTURE(program);
        const auto failure = failure_of(rig, command({program}));
        CHECK(failure.stage == "exec");
        CHECK(failure.error == ENOENT);
        CHECK(failure.path == program);
        CHECK(proto::shell_exit_code(failure) == 127);
    }
}

TEST_CASE("a program that may not be executed is told with EACCES", "[supervise]") {
    SuperviseRig rig;
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "plain";
    std::ofstream(path) << "#!/bin/sh\n";
    auto wanted = command({path});
    CHECK(failure_of(rig, wanted).error == EACCES);
    // In the search, too: what may not be executed weighs more than what is absent later.
    wanted = command({"plain"});
    wanted.env["PATH"] = directory.path().string() + ":/nonexistent";
    const auto failure = failure_of(rig, wanted);
    CHECK(failure.error == EACCES);
    CHECK(proto::shell_exit_code(failure) == 126);
}

TEST_CASE("a directory that cannot be entered is told with stage chdir", "[supervise]") {
    SuperviseRig rig;
    auto wanted = command({"/bin/true"});
    wanted.cwd = "/nonexistent/directory";
    const auto failure = failure_of(rig, wanted);
    CHECK(failure.stage == "chdir");
    CHECK(failure.error == ENOENT);
    CHECK(failure.path == wanted.cwd);
    CHECK_THAT(failure.message, ContainsSubstring(wanted.cwd));
}

TEST_CASE("a user that does not exist is told with stage user", "[supervise]") {
    SuperviseRig rig;
    auto wanted = command({"/bin/true"});
    wanted.user = "nobody-of-this-name";
    const auto failure = failure_of(rig, wanted);
    CHECK(failure.stage == "user");
    CHECK_THAT(failure.message, ContainsSubstring("no such user"));
    CHECK(rig.reaper.counters().children == 0);
}

TEST_CASE("a command that no system call can carry is refused", "[supervise]") {
    SuperviseRig rig;
    CHECK(failure_of(rig, command({})).stage == "request");
    CHECK(failure_of(rig, command({"/bin/echo", std::string("a\0b", 3)})).stage == "request");
    auto wanted = command({"/bin/true"});
    wanted.env["A=B"] = "c";
    CHECK(failure_of(rig, wanted).error == EINVAL);
}

TEST_CASE("a child inherits three descriptors and no other", "[supervise]") {
    SuperviseRig rig;
    const sys::UniqueFd leaky(
        ::open("/dev/null", O_RDONLY)); // NOLINT: without O_CLOEXEC on purpose
    REQUIRE(leaky.valid());
    // ls itself opens the directory, as descriptor 3.
    CHECK(output_of(rig, command({"/bin/ls", "/proc/self/fd"})) == "0\n1\n2\n3\n");
}

TEST_CASE("stdio may be any of our own 0, 1 and 2, crossed over", "[supervise]") {
    const test::TemporaryDirectory directory;
    SuperviseRig rig;
    const std::string path = directory.path() / "both";
    sys::Result<sys::UniqueFd> file = sys::open_file(path, O_RDWR | O_CREAT, 0644);
    REQUIRE(file.has_value());
    const sys::UniqueFd saved(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    REQUIRE(::dup2(file->get(), STDIN_FILENO) == STDIN_FILENO);
    const auto status = rig.shell("echo out; echo err >&2", {.in = -1, .out = 0, .err = 0});
    (void)::dup2(saved.get(), STDIN_FILENO);
    CHECK(status.code == 0U);
    CHECK(initramfs::read_file(path) == "out\nerr\n");
}

TEST_CASE("a child starts with default signals in a session of its own", "[supervise]") {
    SuperviseRig rig;
    struct sigaction ignore {};
    struct sigaction before {};
    ignore.sa_handler = SIG_IGN;
    REQUIRE(::sigaction(SIGPIPE, &ignore, &before) == 0);
    const std::string status = output_of(rig, command({"/bin/cat", "/proc/self/status"}));
    REQUIRE(::sigaction(SIGPIPE, &before, nullptr) == 0);
    CHECK_THAT(status, ContainsSubstring("SigBlk:\t0000000000000000"));
    CHECK_THAT(status, ContainsSubstring("SigIgn:\t0000000000000000"));
    CHECK_THAT(status, ContainsSubstring("SigCgt:\t0000000000000000"));

    const auto ids = output_of(rig, command({"/bin/sh", "-c", "ps -o pid=,sid=,pgid= -p $$"}));
    std::istringstream text(ids);
    pid_t pid = 0;
    pid_t session = 0;
    pid_t group = 0;
    text >> pid >> session >> group;
    CHECK(pid > 0);
    CHECK(session == pid);
    CHECK(group == pid);
}

TEST_CASE("a child gets the usual limit of open files", "[supervise]") {
    SuperviseRig rig;
    const auto limits = output_of(rig, command({"/bin/sh", "-c", "ulimit -Sn"}));
    CHECK(limits == "1024\n");
    CHECK(output_of(rig, command({"/bin/cat", "/proc/self/oom_score_adj"})) == "0\n");
}

TEST_CASE("the environment is that of a login, and the command's wins", "[supervise]") {
    SuperviseRig rig;
    auto wanted = command({"env"});
    wanted.user = "root";
    wanted.env = {{"SHELL", "/bin/other"}, {"COLOUR", "blue"}};
    const std::string env = output_of(rig, wanted);
    CHECK_THAT(env, ContainsSubstring("HOME=/root\n"));
    CHECK_THAT(env, ContainsSubstring("USER=root\n"));
    CHECK_THAT(env, ContainsSubstring("LOGNAME=root\n"));
    CHECK_THAT(env, ContainsSubstring("PATH=/usr/local/sbin:"));
    CHECK_THAT(env, ContainsSubstring("SHELL=/bin/other\n"));
    CHECK_THAT(env, ContainsSubstring("COLOUR=blue\n"));
    CHECK_THAT(env, !ContainsSubstring("PWD="));
}

TEST_CASE("a child runs as the user and group that were asked for", "[supervise]") {
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    SuperviseRig rig;
    auto wanted = command({"/bin/sh", "-c", "id -u; id -g; id -G; pwd"});
    wanted.user = "4242:4343";
    wanted.cwd = "";
    CHECK(output_of(rig, wanted) == "4242\n4343\n4343\n/\n");
}

namespace {

/// Starts a process and cancels that as soon as it is forked, while it waits for its child's word.
supervise::StartResult cancel_start(SuperviseRig& rig) {
    boost::asio::cancellation_signal cancel;
    std::optional<supervise::StartResult> result;
    boost::asio::co_spawn(
        rig.io, rig.spawner.start(command({"/bin/sleep", "600"}), {}),
        boost::asio::bind_cancellation_slot(
            cancel.slot(), [&](const std::exception_ptr&, supervise::StartResult started) {
                result.emplace(std::move(started));
            }));
    REQUIRE(test::run_until(rig.io, [&] { return rig.reaper.watched() == 1; }));
    cancel.emit(boost::asio::cancellation_type::terminal);
    REQUIRE(test::run_until(rig.io, [&] { return result.has_value(); }));
    return std::move(*result);
}

} // namespace

TEST_CASE("a start that is cancelled leaves nothing running", "[supervise]") {
    SuperviseRig rig;
    supervise::StartResult result = cancel_start(rig);
    std::size_t children = 1;
    // A child that has its word out before it is waited for has started, and is not cancelled.
    for (; std::holds_alternative<supervise::Child>(result) && children < 20; ++children) {
        auto& child = std::get<supervise::Child>(result);
        REQUIRE(child.signal(SIGKILL).has_value());
        (void)rig.finish(child);
        result = cancel_start(rig);
    }
    REQUIRE(std::holds_alternative<proto::SpawnFailure>(result));
    CHECK(std::get<proto::SpawnFailure>(result).error == ECANCELED);
    REQUIRE(test::run_until(rig.io, [&] { return rig.reaper.watched() == 0; }));
    CHECK(rig.reaper.counters().children == children);
}

TEST_CASE("a wait that is cancelled says nothing and the child runs on", "[supervise]") {
    SuperviseRig rig;
    auto started = rig.start(command({"/bin/sleep", "600"}));
    auto& child = std::get<supervise::Child>(started);
    boost::asio::cancellation_signal cancel;
    bool returned = false;
    boost::asio::co_spawn(rig.io, child.wait(),
                          boost::asio::bind_cancellation_slot(
                              cancel.slot(), [&](const std::exception_ptr& thrown,
                                                 const std::optional<proto::ExitStatus>& status) {
                                  returned = thrown == nullptr && !status.has_value();
                              }));
    rig.io.poll();
    cancel.emit(boost::asio::cancellation_type::terminal);
    CHECK(test::run_until(rig.io, [&] { return returned; }));
    CHECK(child.running());
    REQUIRE(child.signal(SIGKILL).has_value());
    CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGKILL));
}
