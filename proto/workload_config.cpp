#include "proto/workload_config.hpp"

#include "proto/enum_field.hpp"
#include "proto/notify_address.hpp"
#include "proto/signal_names.hpp"

#include <algorithm>
#include <array>

namespace rouse::proto {

namespace json = boost::json;

namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 3> restart_policies = {"no", "on-failure", "always"};

void read_restart(Fields& fields, RestartConfig& restart) {
    const json::value* value = fields.raw("restart");
    if (value == nullptr) return;
    constexpr std::uint32_t most_restarts = 10'000; // each is remembered for as long as the window
    Fields members = fields.member("restart", *value);
    read_enum(members, "policy", restart_policies, restart.policy);
    members.read("delay_ms", restart.delay);
    members.read("delay_max_ms", restart.delay_max);
    members.read("healthy_ms", restart.healthy);
    members.read("max", restart.max, 0, most_restarts);
    members.read("window_ms", restart.window);
    members.finish();
    if (restart.delay <= milliseconds(0)) members.fail("delay_ms", "must be at least 1");
    // Who says the one alone, as the kernel command line does, has not seen the other.
    if (members.raw("delay_max_ms") == nullptr)
        restart.delay_max = std::max(restart.delay_max, restart.delay);
    if (restart.delay_max < restart.delay)
        members.fail("delay_max_ms", "must not be less than delay_ms");
    if (restart.window <= milliseconds(0)) members.fail("window_ms", "must be at least 1");
}

void read_ready(Fields& fields, ReadyConfig& ready) {
    const json::value* value = fields.raw("ready");
    if (value == nullptr) return;
    constexpr std::uint32_t highest_port = 65535;
    Fields members = fields.member("ready", *value);
    members.read("notify", ready.notify);
    members.read("tcp", ready.tcp, 0, highest_port);
    members.read("command", ready.command);
    members.read("timeout_ms", ready.timeout);
    members.read("interval_ms", ready.interval);
    members.finish();
    if (!ready.command.empty() && ready.command.front().empty())
        members.fail("command", "must name a program");
    const std::array<bool, 3> ways{ready.notify, ready.tcp != 0, !ready.command.empty()};
    if (std::count(ways.begin(), ways.end(), true) > 1)
        members.fail("", "only one of notify, tcp and command can say when the workload is ready");
    if (ready.interval < limits::ready_interval_least)
        members.fail("interval_ms", "must be at least 10");
}

void read_stop_signal(Fields& fields, int& signal) {
    const json::value* value = fields.raw("stop_signal");
    if (value == nullptr) return;
    std::optional<int> number;
    if (value->is_string()) number = signal_number(json::value_to<std::string>(*value));
    if (value->is_int64()) number = signal_number(std::to_string(value->get_int64()));
    if (!number) return fields.fail("stop_signal", R"(must be a signal: "SIGTERM", "TERM" or 15)");
    signal = *number;
}

void read_notify_socket(Fields& fields, std::string& socket) {
    fields.read("notify_socket", socket);
    if (socket.empty()) return;
    if (const Parsed<NotifyAddress> address = parse_notify_address(socket); !address)
        fields.fail("notify_socket", address.error().why);
}

void read_agent(Fields& fields, AgentConfig& agent) {
    const json::value* value = fields.raw("agent");
    if (value == nullptr) return;
    constexpr std::uint64_t most_bytes = INT64_MAX;
    constexpr std::uint64_t most_weight = 10'000; // cgroup-v2.rst, cpu.weight
    Fields members = fields.member("agent", *value);
    members.read("memory_min", agent.memory_min, 0, most_bytes);
    members.read("cpu_weight", agent.cpu_weight, 1, most_weight);
    members.finish();
}

void read_exit_report(Fields& fields, std::optional<milliseconds>& deadline) {
    const json::value* value = fields.raw("exit_report");
    if (value == nullptr) return;
    Fields members = fields.member("exit_report", *value);
    milliseconds read = deadline.value_or(milliseconds(0));
    members.read("deadline_ms", read);
    members.finish();
    if (value->is_object() && value->get_object().contains("deadline_ms")) deadline = read;
    if (read > limits::exit_report_longest) members.fail("deadline_ms", "must be at most 600000");
}

} // namespace

std::string_view name(RestartPolicy policy) {
    return restart_policies[static_cast<std::size_t>(policy)];
}

void read_workload_config(Fields& fields, WorkloadConfig& config) {
    read_restart(fields, config.restart);
    read_ready(fields, config.ready);
    read_stop_signal(fields, config.stop_signal);
    read_notify_socket(fields, config.notify_socket);
    read_cgroup_limits(fields, "payload", config.payload);
    read_agent(fields, config.agent);
    read_exit_report(fields, config.report_deadline);
}

void read_workload_terminal(Fields& fields, std::optional<TerminalSize>& tty) {
    const json::value* value = fields.raw("tty");
    if (value == nullptr) return;
    if (value->is_null()) return tty.reset();
    Fields members = fields.member("tty", *value);
    tty.emplace();
    read_terminal_size(members, *tty);
    members.finish();
}

} // namespace rouse::proto
