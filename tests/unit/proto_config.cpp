// Configuration file and kernel command line.
#include "proto/config.hpp"
#include "proto/kernel_command_line.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse::proto;
using Words = std::vector<std::string>;

namespace {

std::vector<std::string> messages(const std::vector<Problem>& problems) {
    std::vector<std::string> texts;
    for (const Problem& problem : problems)
        texts.push_back(problem.message());
    return texts;
}

} // namespace

TEST_CASE("every member of the configuration is read", "[proto]") {
    const ReadConfig read = read_config(R"({
        "workload": {"argv": ["/a", "b"], "env": {"K": "V"}, "cwd": "/w", "user": "u:g"},
        "ports": {"exec": 1, "link": 2, "output": 3}, "on_exit": "stay", "power": "reboot",
        "hostname": "h", "stop_grace_ms": 4, "write_timeout_ms": 5, "confirm_deadline_ms": 6,
        "require_probe": false, "token_file": "/t", "output": {"stdout": {"policy": "block"},
        "stderr": {"policy": "drop"}, "send": "copy", "console": "fallback"}, "hooks": {"prepare": ["p"], "resume": ["r", "x"],
        "restored": ["s"], "timeout_ms": 7}})");
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    Config expected;
    expected.workload = {.argv = {"/a", "b"}, .env = {{"K", "V"}}, .cwd = "/w", .user = "u:g"};
    expected.ports = {.exec = 1, .link = 2, .output = 3};
    expected.on_exit = OnExit::stay;
    expected.power = PowerMethod::reboot;
    expected.hostname = "h";
    expected.stop_grace = std::chrono::milliseconds(4);
    expected.write_timeout = std::chrono::milliseconds(5);
    expected.confirm_deadline = std::chrono::milliseconds(6);
    expected.require_probe = false;
    expected.token_file = "/t";
    expected.output = {.stdout_policy = OutputPolicy::block,
                       .stderr_policy = OutputPolicy::drop,
                       .send = OutputSend::copy,
                       .console = OutputConsole::fallback};
    expected.hooks = {.prepare = {"p"},
                      .resume = {"r", "x"},
                      .restored = {"s"},
                      .timeout = std::chrono::milliseconds(7)};
    REQUIRE(read.config == expected);
}

TEST_CASE("an empty configuration is the defaults", "[proto]") {
    REQUIRE(read_config("{}").config == Config{});
    REQUIRE(read_kernel_command_line("").config == Config{});
}

TEST_CASE("errors of the configuration carry the JSON path, and all are reported", "[proto]") {
    const ReadConfig read = read_config(R"({"workload": {"argv": ["a", 1], "shell": true},
        "ports": {"exec": 0}, "on_exit": "explode", "colour": "red", "hostname": "kept"})");
    REQUIRE(messages(read.problems.errors) ==
            Words{"$.workload.argv[1]: must be a string",
                  "$.ports.exec: must be a whole number from 1 to 4294967294",
                  "$.on_exit: must be poweroff, reboot or stay"});
    REQUIRE(messages(read.problems.unknown) ==
            Words{"$.workload.shell: is not a known key", "$.colour: is not a known key"});
    REQUIRE(read.config.hostname == "kept");
}

TEST_CASE("errors of the output's configuration carry the JSON path", "[proto]") {
    const ReadConfig read = read_config(R"({"output": {"stdout": {"policy": "lose"},
        "stderr": {"polcy": "drop"}, "send": 7, "console": "on"}})");
    REQUIRE(messages(read.problems.errors) == Words{"$.output.stdout.policy: must be drop or block",
                                                    "$.output.send: must be a string",
                                                    "$.output.console: must be off or fallback"});
    REQUIRE(messages(read.problems.unknown) == Words{"$.output.stderr.polcy: is not a known key"});
}

TEST_CASE("the configuration says where restore documents are looked for", "[proto]") {
    const ReadConfig read = read_config(R"({"restore": {"mmds": {"enabled": true,
        "address": "fd00::5", "port": 8080, "path": "/latest/rouse", "poll_ms": 250,
        "version": "v2"}}})");
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    REQUIRE(read.config.restore.mmds == MmdsConfig{.enabled = true,
                                                   .address = "fd00::5",
                                                   .port = 8080,
                                                   .path = "/latest/rouse",
                                                   .poll = std::chrono::milliseconds(250),
                                                   .version = MmdsVersion::v2});
    const ReadConfig line = read_kernel_command_line(
        "rouse.mmds=1 rouse.mmds_address=10.0.0.1 rouse.mmds_path=/x rouse.mmds_version=v1");
    REQUIRE(line.problems.errors.empty());
    REQUIRE(line.config.restore.mmds ==
            MmdsConfig{
                .enabled = true, .address = "10.0.0.1", .path = "/x", .version = MmdsVersion::v1});
}

TEST_CASE("a metadata service that cannot be asked is an error of the configuration", "[proto]") {
    const ReadConfig read = read_config(R"({"restore": {"mmds": {"enabled": 1,
        "address": "metadata.internal", "port": 65536, "path": "/a b", "poll_ms": 99,
        "version": "v3", "token": "x"}}})");
    REQUIRE(messages(read.problems.errors) ==
            Words{"$.restore.mmds.enabled: must be true or false",
                  "$.restore.mmds.address: must be an IP address",
                  "$.restore.mmds.port: must be a whole number from 1 to 65535",
                  "$.restore.mmds.path: must begin with / and have only letters, digits and /-._~",
                  "$.restore.mmds.poll_ms: must be at least 100",
                  "$.restore.mmds.version: must be auto, v1 or v2"});
    REQUIRE(messages(read.problems.unknown) == Words{"$.restore.mmds.token: is not a known key"});
}

TEST_CASE("the kernel command line says a policy for each stream", "[proto]") {
    Config base;
    base.output.send = OutputSend::splice;
    const ReadConfig read = read_kernel_command_line(
        "rouse.stdout_policy=block rouse.stderr_policy=lose rouse.output_console=fallback", base);
    REQUIRE(messages(read.problems.errors) == Words{"rouse.stderr_policy: must be drop or block"});
    REQUIRE(read.config.output.stdout_policy == OutputPolicy::block);
    REQUIRE(read.config.output.stderr_policy == OutputPolicy::drop);
    REQUIRE(read.config.output.send == OutputSend::splice);
    REQUIRE(read.config.output.console == OutputConsole::fallback);
}

TEST_CASE("text that is not JSON is one error with its byte", "[proto]") {
    for (const char* text : {"", "{", "{\"a\": }", "{} x", "nonsense"}) {
        const ReadConfig read = read_config(text);
        REQUIRE(read.problems.errors.size() == 1);
        REQUIRE(read.problems.errors[0].message().starts_with("$: not valid JSON at byte "));
    }
}

TEST_CASE("a kernel command line is split as the kernel splits it", "[proto]") {
    using Parameters = std::vector<KernelParameter>;
    REQUIRE(split_kernel_command_line("  quiet  a=b c=\"d e\" \"f=g h\" i= ") ==
            Parameters{{"quiet", ""}, {"a", "b"}, {"c", "d e"}, {"f", "g h"}, {"i", ""}});
    REQUIRE(split_kernel_command_line(" \n").empty());
}

TEST_CASE("words are split at blanks outside quotes", "[proto]") {
    REQUIRE(split_words("") == Words{});
    REQUIRE(split_words(" a  b ") == Words{"a", "b"});
    REQUIRE(split_words("sh -c 'echo \"x y\"'") == Words{"sh", "-c", "echo \"x y\""});
    REQUIRE(split_words("a '' b") == Words{"a", "", "b"});
    REQUIRE(split_words("a'b c'd") == Words{"ab cd"});
}

TEST_CASE("the kernel command line wins over the file", "[proto]") {
    Config base;
    base.hostname = "file";
    base.workload.argv = {"/file"};
    const ReadConfig read = read_kernel_command_line(
        "console=ttyS0 rouse.hostname=line \"rouse.workload=/bin/sh -c 'a b'\" rouse.exec_port=7 "
        "rouse.require_probe=0",
        base);
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    REQUIRE(read.config.hostname == "line");
    REQUIRE(read.config.workload.argv == Words{"/bin/sh", "-c", "a b"});
    REQUIRE(read.config.ports.exec == 7);
    REQUIRE_FALSE(read.config.require_probe);
}

TEST_CASE("a wrong or unknown key of the command line is named, and the rest is used", "[proto]") {
    const ReadConfig read = read_kernel_command_line(
        "rouse.hostnam=x rouse.exec_port=many rouse.require_probe=maybe rouse.power=steam "
        "rouse.hostname=h");
    REQUIRE(messages(read.problems.unknown) == Words{"rouse.hostnam: is not a known key"});
    REQUIRE(messages(read.problems.errors) ==
            Words{"rouse.exec_port: must be a whole number",
                  "rouse.require_probe: must be 0, 1, true or false",
                  "rouse.power: must be auto, poweroff or reboot"});
    REQUIRE(read.config.hostname == "h");
}

TEST_CASE("hooks are words, and have a time that ends", "[proto]") {
    const ReadConfig read = read_config(
        R"({"hooks": {"prepare": [""], "resume": "x", "timeout_ms": 0, "suspend": ["y"]}})");
    REQUIRE(messages(read.problems.errors) ==
            Words{"$.hooks.prepare: must name a program",
                  "$.hooks.resume: must be an array of strings",
                  "$.hooks.timeout_ms: must be between 1 and 600000"});
    REQUIRE(messages(read.problems.unknown) == Words{"$.hooks.suspend: is not a known key"});
    const Config config =
        read_kernel_command_line("rouse.hook_prepare=\"/bin/sync now\" rouse.hook_timeout_ms=9")
            .config;
    REQUIRE(config.hooks.prepare == Words{"/bin/sync", "now"});
    REQUIRE(config.hooks.timeout == std::chrono::milliseconds(9));
}

TEST_CASE("the configuration says how the workload lives", "[proto]") {
    const ReadConfig read = read_config(R"({
        "restart": {"policy": "on-failure", "delay_ms": 1, "delay_max_ms": 2, "healthy_ms": 3,
                    "max": 4, "window_ms": 5},
        "ready": {"tcp": 80, "timeout_ms": 6, "interval_ms": 10},
        "stop_signal": "usr1", "notify_socket": "vsock-stream:2:7",
        "payload": {"pids_max": 8}, "agent": {"memory_min": 9, "cpu_weight": 10},
        "exit_report": {"deadline_ms": 11}, "workload": {"tty": {"rows": 12, "columns": 13}}})");
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    using std::chrono::milliseconds;
    WorkloadConfig expected;
    expected.restart = {.policy = RestartPolicy::on_failure,
                        .delay = milliseconds(1),
                        .delay_max = milliseconds(2),
                        .healthy = milliseconds(3),
                        .max = 4,
                        .window = milliseconds(5)};
    expected.ready.tcp = 80;
    expected.ready.timeout = milliseconds(6);
    expected.ready.interval = milliseconds(10);
    expected.stop_signal = SIGUSR1;
    expected.notify_socket = "vsock-stream:2:7";
    expected.payload.pids_max = 8;
    expected.agent = {.memory_min = 9, .cpu_weight = 10};
    expected.report_deadline = milliseconds(11);
    expected.tty = TerminalSize{.rows = 12, .columns = 13};
    REQUIRE(read.config.supervision == expected);
}

TEST_CASE("errors about the workload's life carry the JSON path", "[proto]") {
    const ReadConfig read = read_config(R"({
        "restart": {"policy": "maybe", "delay_ms": 0, "window_ms": 0, "tries": 3},
        "ready": {"notify": true, "tcp": 1, "interval_ms": 1}, "stop_signal": "STOP_IT",
        "notify_socket": "vsock:host:1", "payload": {"pids_max": 0}, "agent": {"cpu_weight": 0},
        "exit_report": {"deadline_ms": 600001}})");
    REQUIRE(messages(read.problems.errors) ==
            Words{"$.restart.policy: must be no, on-failure or always",
                  "$.restart.delay_ms: must be at least 1",
                  "$.restart.window_ms: must be at least 1",
                  "$.ready: only one of notify, tcp and command can say when the workload is ready",
                  "$.ready.interval_ms: must be at least 10",
                  "$.stop_signal: must be a signal: \"SIGTERM\", \"TERM\" or 15",
                  "$.notify_socket: has no number as its CID",
                  "$.payload.pids_max: must be a whole number from 1 to 4194304, or null",
                  "$.agent.cpu_weight: must be a whole number from 1 to 10000",
                  "$.exit_report.deadline_ms: must be at most 600000"});
    REQUIRE(messages(read.problems.unknown) == Words{"$.restart.tries: is not a known key"});
    const ReadConfig slow = read_config(R"({"restart": {"delay_ms": 2, "delay_max_ms": 1}})");
    REQUIRE(messages(slow.problems.errors) ==
            Words{"$.restart.delay_max_ms: must not be less than delay_ms"});
    const ReadConfig nameless = read_config(R"({"ready": {"command": [""]}})");
    REQUIRE(messages(nameless.problems.errors) == Words{"$.ready.command: must name a program"});
}

TEST_CASE("the longest pause before a restart grows with the first where it is not said",
          "[proto]") {
    constexpr std::chrono::minutes pause(1);
    for (const ReadConfig& read : {read_config(R"({"restart": {"delay_ms": 60000}})"),
                                   read_kernel_command_line("rouse.restart_delay_ms=60000")}) {
        REQUIRE(messages(read.problems.errors).empty());
        CHECK(read.config.supervision.restart.delay == pause);
        CHECK(read.config.supervision.restart.delay_max == pause);
    }
}

TEST_CASE("the kernel command line says how the workload lives", "[proto]") {
    const ReadConfig read = read_kernel_command_line(
        "rouse.restart=always rouse.restart_delay_ms=50 rouse.restart_max=3 rouse.stop_signal=15 "
        "rouse.ready_command=\"/bin/up now\" rouse.ready_timeout_ms=70 "
        "rouse.notify_socket=@vmm rouse.exit_report_deadline_ms=80 rouse.ready_tcp=90");
    REQUIRE(messages(read.problems.errors) ==
            Words{"rouse.ready_tcp: only one of notify, tcp and command can say when the workload "
                  "is ready"});
    const WorkloadConfig& life = read.config.supervision;
    REQUIRE(life.restart.policy == RestartPolicy::always);
    REQUIRE(life.restart.delay == std::chrono::milliseconds(50));
    REQUIRE(life.restart.max == 3);
    REQUIRE(life.stop_signal == SIGTERM);
    REQUIRE(life.ready.command == Words{"/bin/up", "now"});
    REQUIRE(life.ready.timeout == std::chrono::milliseconds(70));
    REQUIRE(life.notify_socket == "@vmm");
    REQUIRE(life.report_deadline == std::chrono::milliseconds(80));
}
