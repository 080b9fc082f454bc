// `rouse run` on a terminal: its command is the job that the shell stops and continues.
#include "tests/process/agent.hpp"
#include "tests/support/pty_process.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <sys/wait.h>

using namespace rouse;
using test::PtyProcess;

namespace {

const std::string ctrl_c = "\x03";
const std::string ctrl_z = "\x1a";

std::string run_command_line(const std::string& command) {
    return fmt::format("{} run -- {}\r", test::rouse({}).front(), command);
}

/// The shell names the job when it has the terminal again; keys that are typed before are echoed
/// before that name.
void continue_job(PtyProcess& shell) {
    shell.type("fg\r");
    shell.expect("fg\r\n");
    shell.expect("run -- cat\r\n");
}

} // namespace

TEST_CASE("the command of rouse run has the foreground of its terminal, and gives it back",
          "[run][terminal][process]") {
    PtyProcess shell({"/bin/sh", "-i"}, {{"PS1", "ready> "}});
    shell.expect("ready> ");
    shell.type(run_command_line("cat"));
    shell.expect("run -- cat\r\n");
    shell.type("hello\r");
    shell.expect("hello\r\nhello\r\n");
    shell.type(ctrl_c);
    shell.expect("ready> ");
    shell.type("echo status $?\r");
    shell.expect("status 130\r\n");
    shell.type("exit 4\r");
    CHECK(WEXITSTATUS(shell.finish()) == 4);
}

TEST_CASE("the terminal stops rouse run with its command, and the shell continues both",
          "[run][terminal][process]") {
    const test::TemporaryDirectory folder;
    PtyProcess shell({"/bin/sh", "-i"}, {{"PS1", "ready> "}});
    shell.expect("ready> ");
    shell.type(run_command_line("cat"));
    shell.expect("run -- cat\r\n");
    for (const std::string line : {"one", "two"}) {
        shell.type(line + "\r");
        shell.expect(line + "\r\n" + line + "\r\n");
        shell.type(ctrl_z);
        shell.expect("Stopped");
        shell.expect("ready> ");
        continue_job(shell);
    }
    // In the background it is stopped when it reads, and not before.
    shell.type("three\r");
    shell.expect("three\r\nthree\r\n");
    shell.type(ctrl_z);
    shell.expect("ready> ");
    shell.type("bg\r");
    shell.expect("ready> ");
    // In a file, since a shell in a pipe has no jobs.
    const std::string jobs = (folder.path() / "jobs").string();
    shell.type(fmt::format("until jobs >{0}; grep -q 'Stopped (tty input)' {0}; do :; done; "
                           "echo was''_stopped\r",
                           jobs));
    shell.expect("was_stopped\r\n");
    continue_job(shell);
    shell.type("four\r");
    shell.expect("four\r\nfour\r\n");
    shell.type("\x04"); // end of input
    shell.expect("ready> ");
    shell.type("echo status $?; exit 0\r");
    shell.expect("status 0\r\n");
    CHECK(WEXITSTATUS(shell.finish()) == 0);
}

TEST_CASE("a command that is stopped as soon as it runs stops rouse run, too",
          "[run][terminal][process]") {
    const std::string stopped = test::payload({"kill-self", "20"}).front() + " kill-self 20";
    PtyProcess shell({"/bin/sh", "-i"}, {{"PS1", "ready> "}});
    shell.expect("ready> ");
    // Its stop may be told before its start is.
    for (int round = 0; round < 20; ++round) {
        shell.type(run_command_line(stopped));
        shell.expect("kill-self 20\r\n");
        shell.expect("Stopped");
        shell.expect("ready> ");
        shell.type("fg >/dev/null; echo status $?\r");
        shell.expect("status 1\r\n");
        shell.expect("ready> ");
    }
    shell.type("exit 0\r");
    CHECK(WEXITSTATUS(shell.finish()) == 0);
}

TEST_CASE("a script that goes on after rouse run can read from its terminal",
          "[run][terminal][process]") {
    // Nobody takes the foreground back here but rouse: a shell without jobs does not.
    PtyProcess script(
        {"/bin/sh", "-c",
         fmt::format("{} run -- true; read line; echo \"read $line\"", test::rouse({}).front())});
    script.type("words\r");
    script.expect("read words\r\n");
    CHECK(WEXITSTATUS(script.finish()) == 0);
}

TEST_CASE("a script goes on reading from its terminal after a command that rouse run cannot start",
          "[run][terminal][process]") {
    const std::string rouse = test::rouse({}).front();
    for (const auto& [command, status] :
         {std::pair{rouse + " run -- nosuchcommand", 127}, {rouse + " run -- /dev/null", 126}}) {
        CAPTURE(command);
        PtyProcess script(
            {"/bin/sh", "-c", command + "; echo status $?; read line && echo \"read $line\""});
        script.expect(fmt::format("status {}\r\n", status));
        script.type("words\r");
        script.expect("read words\r\n");
        CHECK(WEXITSTATUS(script.finish()) == 0);
    }
}
