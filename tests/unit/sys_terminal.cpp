// Pseudo-terminals, alone and as the controlling terminal of a child.
#include "agent/sys/descriptor.hpp"
#include "agent/sys/terminal.hpp"
#include "tests/unit/supervise_rig.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

using namespace rouse;
using test::SuperviseRig;

namespace {

sys::Terminal make_terminal(sys::TerminalSize size = {}) {
    sys::Result<sys::Terminal> made = sys::open_terminal(size);
    REQUIRE(made.has_value());
    return std::move(*made);
}

/// Takes what the master has until `enough`, running the loop.
std::string read_until(SuperviseRig& rig, const sys::Terminal& terminal,
                       const std::function<bool(const std::string&)>& enough) {
    std::string text;
    REQUIRE(test::run_until(rig.io, [&] {
        std::array<char, 4096> buffer{};
        const auto moved = sys::read_some(terminal.master.get(), buffer);
        if (moved && moved->outcome == sys::IoOutcome::moved)
            text.append(buffer.data(), moved->bytes);
        return enough(text);
    }));
    return text;
}

supervise::Child start_on(SuperviseRig& rig, const sys::Terminal& terminal,
                          const std::string& script) {
    const int slave = terminal.slave.get();
    auto started =
        rig.start({.argv = {"/bin/bash", "-c", script}, .env = {}, .cwd = "/", .user = ""},
                  {.in = slave, .out = slave, .err = slave, .terminal = true});
    REQUIRE(std::holds_alternative<supervise::Child>(started));
    return std::get<supervise::Child>(std::move(started));
}

} // namespace

TEST_CASE("a terminal has the kernel's usual settings and expects UTF-8", "[terminal]") {
    const sys::Terminal terminal = make_terminal();
    termios settings{};
    REQUIRE(::tcgetattr(terminal.slave.get(), &settings) == 0);
    CHECK((settings.c_iflag & IUTF8) != 0);
    CHECK((settings.c_iflag & ICRNL) != 0);
    CHECK((settings.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR));
    CHECK((settings.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
    CHECK(settings.c_cc[VINTR] == 3);
}

TEST_CASE("the master of a terminal does not block, its slave does, neither is inherited",
          "[terminal]") {
    const sys::Terminal terminal = make_terminal();
    CHECK((::fcntl(terminal.master.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(terminal.slave.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(::fcntl(terminal.master.get(), F_GETFD) == FD_CLOEXEC);
    CHECK(::fcntl(terminal.slave.get(), F_GETFD) == FD_CLOEXEC);
    CHECK(::isatty(terminal.slave.get()) == 1);
}

TEST_CASE("a terminal has the size it was given, then and later", "[terminal]") {
    const sys::Terminal terminal = make_terminal({.rows = 1, .columns = 65535});
    CHECK(sys::terminal_size(terminal.slave.get()).value() ==
          sys::TerminalSize{.rows = 1, .columns = 65535});
    REQUIRE(sys::set_size(terminal.master.get(), {.rows = 65535, .columns = 1}).has_value());
    CHECK(sys::terminal_size(terminal.slave.get()).value() ==
          sys::TerminalSize{.rows = 65535, .columns = 1});
    for (const sys::TerminalSize wrong :
         {sys::TerminalSize{.rows = 0, .columns = 1}, sys::TerminalSize{.rows = 1, .columns = 0},
          sys::TerminalSize{.rows = 65536, .columns = 1}}) {
        CHECK(sys::set_size(terminal.master.get(), wrong).error() == sys::error_from(EINVAL));
        CHECK(sys::open_terminal(wrong).error() == sys::error_from(EINVAL));
    }
    const sys::UniqueFd plain(::open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK(sys::set_size(plain.get(), {}).error() == sys::error_from(ENOTTY));
}

TEST_CASE("the slave of a terminal belongs to its user, who alone may read it", "[terminal]") {
    const sys::Terminal terminal = make_terminal();
    const uid_t uid = ::geteuid() == 0 ? 4242 : ::geteuid();
    REQUIRE(sys::set_terminal_owner(terminal.slave.get(), uid).has_value());
    struct stat state {};
    REQUIRE(::fstat(terminal.slave.get(), &state) == 0);
    CHECK(state.st_uid == uid);
    CHECK((state.st_mode & 07777U) == 0620);
}

TEST_CASE("a child on a terminal has it as its controlling one, with job control", "[terminal]") {
    SuperviseRig rig;
    const sys::Terminal terminal = make_terminal();
    supervise::Child child = start_on(
        rig, terminal, "set -m; echo hello > /dev/tty; sleep 600 & jobs %1; kill %1; stty size");
    CHECK(rig.finish(child).code == 0U);
    const std::string text = read_until(rig, terminal, [](const std::string& read) {
        return read.find("24 80\r\n") != std::string::npos;
    });
    CHECK(text.find("hello\r\n") == 0);
    CHECK(text.find("Running") != std::string::npos);
    CHECK(text.find("no job control") == std::string::npos);
    // The terminal never became that of this process.
    CHECK(::tcgetsid(terminal.slave.get()) != ::getsid(0));
}

TEST_CASE("the interrupt key signals the foreground process of the terminal", "[terminal]") {
    SuperviseRig rig;
    const sys::Terminal terminal = make_terminal();
    supervise::Child child =
        start_on(rig, terminal, "trap 'exit 5' INT; sleep 600 & echo ready; wait");
    (void)read_until(rig, terminal, [](const std::string& read) {
        return read.find("ready") != std::string::npos;
    });
    REQUIRE(sys::write_some(terminal.master.get(), "\x03").has_value());
    CHECK(rig.finish(child).code == 5U);
}

TEST_CASE("a new size reaches the foreground process as SIGWINCH", "[terminal]") {
    SuperviseRig rig;
    const sys::Terminal terminal = make_terminal();
    supervise::Child child =
        start_on(rig, terminal, "trap 'stty size; exit 6' WINCH; sleep 600 & echo ready; wait");
    (void)read_until(rig, terminal, [](const std::string& read) {
        return read.find("ready") != std::string::npos;
    });
    REQUIRE(sys::set_size(terminal.master.get(), {.rows = 11, .columns = 222}).has_value());
    (void)read_until(rig, terminal, [](const std::string& read) {
        return read.find("11 222") != std::string::npos;
    });
    CHECK(rig.finish(child).code == 6U);
}

TEST_CASE("a closed master hangs up the session of the terminal", "[terminal]") {
    SuperviseRig rig;
    sys::Terminal terminal = make_terminal();
    supervise::Child child = start_on(rig, terminal, "exec sleep 600");
    terminal.slave.reset();
    terminal.master.reset();
    CHECK(rig.finish(child).signal == static_cast<std::uint64_t>(SIGHUP));
}

TEST_CASE("the end of the last slave is EIO at the master, after all bytes", "[terminal]") {
    SuperviseRig rig;
    sys::Terminal terminal = make_terminal();
    supervise::Child child = start_on(rig, terminal, "printf last");
    terminal.slave.reset();
    (void)rig.finish(child);
    std::array<char, 64> buffer{};
    const auto moved = sys::read_some(terminal.master.get(), buffer);
    REQUIRE(moved.has_value());
    CHECK(std::string(buffer.data(), moved->bytes) == "last");
    CHECK(sys::read_some(terminal.master.get(), buffer).error() == sys::error_from(EIO));
}

TEST_CASE("what is no terminal cannot control a session", "[terminal]") {
    SuperviseRig rig;
    const auto started =
        rig.start({.argv = {"/bin/true"}, .env = {}, .cwd = "/", .user = ""}, {.terminal = true});
    const auto* const failure = std::get_if<proto::SpawnFailure>(&started);
    REQUIRE(failure != nullptr);
    CHECK(failure->stage == "terminal");
    CHECK(failure->error == ENOTTY);
    CHECK(proto::shell_exit_code(*failure) == 126);
}
