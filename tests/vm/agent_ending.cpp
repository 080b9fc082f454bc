// How a guest ends: when somebody signals PID 1, when the host asks for it, when a stage of the end
// takes too long, when PID 1 itself fails, and when it cannot even boot.
#include "tests/vm/rootfs.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;

namespace {

/// Of the guest's C library (signal(7)).
constexpr int first_of_real_time = 34;

/// A moment later, when the answer to this is out.
void signal_pid1_soon(const Guest& guest, int signal) {
    const auto sent = exec(
        guest.endpoint(),
        {"sh", "-c", fmt::format("(sleep 1; kill -{} 1) </dev/null >/dev/null 2>&1 &", signal)});
    CHECK(sent.exit->code == 0U);
}

/// A guest without a workload, which gets `signal` for its PID 1, and its console at its end.
std::string console_after(const std::string& kernel, int signal) {
    Guest guest(test::agent_options(kernel, "{}"));
    signal_pid1_soon(guest, signal);
    guest.machine().wait_exit(test::patience);
    return guest.machine().console_text();
}

/// A configuration whose workload says "up" and is deaf to SIGTERM, and these members.
std::string deaf_workload(const std::string& script, boost::json::object members) {
    boost::json::object config =
        boost::json::parse(test::workload_config({{"argv", {"sh", "-c", script}}}, "poweroff"))
            .as_object();
    for (const auto& member : members)
        config[member.key()] = member.value();
    return boost::json::serialize(config);
}

} // namespace

TEST_CASE("a fault of PID 1 is said in a line, and ends the machine without a panic",
          "[agent][vm]") {
    using Row = std::pair<std::string, int>;
    const auto [kernel, signal] =
        GENERATE(Row{"6.1", SIGSEGV}, Row{"6.12", SIGSEGV}, Row{"6.12", SIGABRT});
    INFO("kernel " << kernel << ", signal " << signal);
    const std::string console = console_after(kernel, signal);
    CHECK_THAT(console,
               ContainsSubstring(fmt::format("rouse: fatal signal {} in PID 1, sent by process ",
                                             signal == SIGSEGV ? "SEGV" : "ABRT")));
    CHECK_THAT(console, ContainsSubstring(", powering off"));
    CHECK_THAT(console, !ContainsSubstring("Kernel panic"));
}

TEST_CASE("who signals PID 1 ends the machine in good order, or at once", "[agent][vm]") {
    struct Row {
        int signal;
        const char* last;
    };
    const Row row =
        GENERATE(Row{SIGTERM, "rouse: powering off\n"}, Row{SIGINT, "rouse: rebooting\n"},
                 Row{first_of_real_time + 4, "rouse: powering off\n"},
                 Row{first_of_real_time + 5, "rouse: rebooting\n"},
                 Row{first_of_real_time + 13, "rouse: powering off at once: SIGRTMIN+13"},
                 Row{first_of_real_time + 14, "rouse: powering off at once: SIGRTMIN+14"},
                 Row{first_of_real_time + 15, "rouse: rebooting at once: SIGRTMIN+15"});
    INFO("signal " << row.signal);
    const std::string console = console_after("6.12", row.signal);
    CHECK_THAT(console, ContainsSubstring(row.last));
    const bool at_once = row.signal >= first_of_real_time + 13;
    CHECK((console.find("shutting down: ") == std::string::npos) == at_once);
}

TEST_CASE("the host ends the machine by POST /v1/shutdown", "[agent][vm]") {
    struct Row {
        std::vector<std::string> options;
        const char* last;
    };
    const Row row =
        GENERATE(Row{{}, "rouse: powering off\n"}, Row{{"--reboot"}, "rouse: rebooting\n"},
                 Row{{"--now"}, "rouse: powering off at once: asked for by the host"},
                 Row{{"--now", "--reboot"}, "rouse: rebooting at once: asked for by the host"});
    INFO(row.last);
    Guest guest("6.12", R"({"on_exit": "stay"})");
    std::vector<std::string> words{"shutdown"};
    words.insert(words.end(), row.options.begin(), row.options.end());
    const test::Said said = guest.rousectl(words);
    CHECK(said.status == 0);
    CHECK(said.error.empty());
    guest.machine().wait_exit(test::patience);
    CHECK_THAT(guest.machine().console_text(), ContainsSubstring(row.last));
}

TEST_CASE("a workload that ignores SIGTERM is killed right to 100 ms after its grace",
          "[agent][vm]") {
    // Each hundredth of the kernel's clock for as long as it lives, once it was told to end.
    Guest guest(
        "6.12",
        deaf_workload("trap 'told=yes; echo told' TERM; echo up; "
                      "while [ ! -e /tmp/go ]; do usleep 50000; done; "
                      "while :; do read up idle < /proc/uptime; "
                      "case $told$up in yes$last|[0-9]*) ;; *) echo $up;; esac; last=$up; done",
                      {{"stop_grace_ms", 1500}}));
    CHECK(in_guest(guest, "touch /tmp/go").empty());
    signal_pid1_soon(guest, SIGTERM);
    guest.machine().wait_exit(test::patience);
    const std::string said = guest.collected().bytes(guest.generation(), "stdout");
    const auto told = said.find("told\n");
    REQUIRE(told != std::string::npos);
    std::istringstream stamps(said.substr(told + 5));
    double first = 0;
    double last = 0;
    REQUIRE(stamps >> first);
    for (double stamp = 0; stamps >> stamp;)
        last = stamp;
    INFO("told at " << first << ", alive at " << last);
    CHECK(last - first > 1.4);
    CHECK(last - first < 1.6);
}

TEST_CASE("a stage of the end that takes too long is named with its deadline and who was left",
          "[agent][vm][disks]") {
    const test::DiskShelf shelf;
    lab::MachineOptions options = test::agent_options(
        "6.12", deaf_workload("trap '' TERM; while :; do usleep 50000; done",
                              {{"stop_grace_ms", 10000},
                               {"shutdown",
                                {{"workload_ms", 300}, {"processes_ms", 400}, {"unmount_ms", 500}}},
                               {"volumes", {{{"source", "LABEL=data"}, {"target", "/data"}}}}}));
    options.disks.push_back({.file = shelf.empty("data"), .serial = {}});
    Guest guest(std::move(options));
    // A writer to a frozen file system hears no SIGKILL.
    (void)in_guest(guest, "fsfreeze --freeze /data");
    test::begin_session(guest, "stuck", "echo x > /data/file");
    signal_pid1_soon(guest, SIGTERM);
    guest.machine().wait_exit(test::patience);
    const std::string console = guest.machine().console_text();
    CHECK_THAT(console, ContainsSubstring("rouse: warning: shutdown: the stage 'workload' is not "
                                          "done after 300 ms, still there: ") &&
                            ContainsSubstring("rouse: warning: shutdown: the stage 'processes' is "
                                              "not done after 400 ms, still there: ") &&
                            ContainsSubstring(" (sh)\n") &&
                            ContainsSubstring("rouse: powering off\n"));
}

TEST_CASE("a boot that fails names the thing and the reason, and powers off", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    lab::MachineOptions options = test::agent_options(kernel, "{}");
    options.root = "LABEL=nowhere";
    options.command_line = "rouse.root_wait_ms=300";
    options.ready = lab::Ready::none;
    lab::Machine machine = lab::Machine::boot(options);
    machine.wait_exit(test::patience);
    const std::string console = machine.console_text();
    CHECK_THAT(console, ContainsSubstring("rouse: error: boot failed: ") &&
                            ContainsSubstring("LABEL=nowhere has not appeared within 300 ms") &&
                            ContainsSubstring("rouse: powering off\n"));
}
