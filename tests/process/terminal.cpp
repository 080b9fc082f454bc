// rousectl on a terminal: raw keys, sizes, signals, and the terminal as it was before.
#include "tests/process/agent.hpp"
#include "tests/support/pty_process.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstring>

#include <sys/wait.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;
using test::PtyProcess;

namespace {

const std::vector<std::string> quiet_workload = payload({"tell-signals"});

std::vector<std::string> rousectl(const Agent& agent, std::vector<std::string> words) {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  agent.endpoint().target()};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

bool same_mode(const termios& one, const termios& other) {
    return one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag &&
           one.c_cflag == other.c_cflag && one.c_lflag == other.c_lflag &&
           std::memcmp(one.c_cc, other.c_cc, sizeof one.c_cc) == 0;
}

} // namespace

TEST_CASE("a shell on a terminal of its own: keys, size, status", "[terminal][process]") {
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    PtyProcess client(rousectl(agent, {"exec", "-it", "-e", "PS1=ready> ", "--", "/bin/sh"}),
                      {{"TERM", "rouse-test"}}, 33, 99);
    const termios before = client.mode();
    client.wait_raw(true);
    client.expect("ready> ");
    client.type("stty size; echo $TERM; tty | cut -c1-8\r");
    client.expect("33 99\r\n");
    client.expect("rouse-test\r\n");
    client.expect("/dev/pts\r\nready> ");
    client.resize(41, 77);
    client.type("while [ \"$(stty size)\" != '41 77' ]; do :; done; echo si''zed\r");
    client.expect("sized\r\nready> ");
    // Ctrl-C is a key of the guest's terminal.
    client.type("cat\r");
    client.expect("cat\r\n");
    client.type("hello\r");
    client.expect("hello\r\nhello\r\n");
    client.type("\x03");
    client.expect("ready> ");
    client.type("exit 9\r");
    const int status = client.finish();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 9);
    CHECK(same_mode(client.mode(), before));
}

TEST_CASE("a terminal is as it was before, whichever signal ends its client",
          "[terminal][process]") {
    const int number = GENERATE(SIGTERM, SIGHUP, SIGINT, SIGQUIT);
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    PtyProcess client(rousectl(agent, {"exec", "-it", "--", "/bin/cat"}));
    const termios before = client.mode();
    client.wait_raw(true);
    client.type("there\r");
    client.expect("there");
    client.signal(number);
    const int status = client.finish();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == number);
    CHECK(same_mode(client.mode(), before));
}

TEST_CASE("the detach keys leave a session that goes on, and attach comes back to it",
          "[terminal][process]") {
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    PtyProcess client(rousectl(agent, {"exec", "-it", "--id", "shell", "--", "/bin/cat"}));
    const termios before = client.mode();
    client.wait_raw(true);
    client.type("one\r");
    client.expect("one\r\none\r\n");
    client.type("\x10\x11"); // Ctrl-P, Ctrl-Q
    client.expect("left session 'shell'");
    CHECK(client.finish() == 0);
    CHECK(same_mode(client.mode(), before));

    PtyProcess again(rousectl(agent, {"attach", "--detach-keys", "ctrl-a", "shell"}));
    again.expect("one\r\none\r\n"); // what is kept
    again.type("two\r");
    again.expect("two\r\ntwo\r\n");
    again.type("\x04"); // Ctrl-D: end of file for cat
    CHECK(again.finish() == 0);
}

TEST_CASE("a terminal belongs to the user it is for", "[terminal][process]") {
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    PtyProcess client(rousectl(agent, {"exec", "-it", "-u", "nobody", "--", "/bin/sh", "-c",
                                       "stat -c %U $(tty); echo opened >/dev/tty"}),
                      {}, 24, 80);
    client.expect("nobody\r\nopened\r\n");
}

TEST_CASE("without a terminal -it is refused, as docker does", "[terminal][process]") {
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    const auto said =
        test::run_command(rousectl(agent, {"exec", "-it", "--", "/bin/sh"}), test::patience);
    CHECK(said.status == 125);
    CHECK_THAT(said.error, ContainsSubstring("the input device is not a TTY"));
}

TEST_CASE("a client that fails leaves the terminal as it was", "[terminal][process]") {
    const AgentPlace place;
    const Agent agent(place, quiet_workload);
    PtyProcess client(
        rousectl(agent, {"exec", "-it", "-u", "nobody-of-that-name", "--", "/bin/sh"}));
    const termios before = client.mode();
    const int status = client.finish();
    CHECK(WEXITSTATUS(status) == 126);
    CHECK(same_mode(client.mode(), before));
}
