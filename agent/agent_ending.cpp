// How the agent ends: signals, the order of a shutdown, and its deadlines.

#include "agent/agent.hpp"
#include "agent/boot/shutdown.hpp"
#include "agent/sys/late.hpp"
#include "agent/sys/process_list.hpp"
#include "proto/signal_names.hpp"

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace rouse {

using namespace std::chrono_literals;

namespace {

/// How long the end of a killed process, and the news of it, may take.
constexpr std::chrono::milliseconds after_kill = proto::limits::shutdown_kill;
/// How long the VMM may take to read what it has been told.
constexpr std::chrono::milliseconds vmm_patience = 2s;
/// How many processes a line about a stage names.
constexpr std::size_t named_processes = 8;

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point end) {
    const auto left = end - std::chrono::steady_clock::now();
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), 0ms);
}

} // namespace

void Agent::on_signal(int number) {
    if (number == SIGCHLD) {
        reaper_.reap();
        workload_.look_for_stop();
        return record_orphans();
    }
    record(Audience::guest, "signal", {{"signal", number}});
    if (options_.is_vm) return on_vm_signal(number);
    const bool to_end =
        number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
    // A frozen workload would hear of it when it is thawed.
    if (to_end && prepare_.refuses_spawns()) tasks_.spawn("thaw at the end", prepare_.shut_down());
    // Whoever is told to end is not to come back.
    if (number == SIGTERM || number == SIGINT || number == SIGQUIT) workload_.let_end();
    workload_.pass_on(number, options_.signals_group);
    if (to_end && !workload_.goes_on()) end(Ending::exit, proto::signal_name(number));
}

void Agent::on_vm_signal(int number) {
    // What each means to a PID 1: systemd(1), SIGNALS; ctrl-alt-del arrives as SIGINT. A halt that
    // leaves the VM running is of no use to anybody, so it is a power-off.
    const int real_time = number - SIGRTMIN;
    const bool at_once = real_time >= 13 && real_time <= 15;
    const bool reboot = number == SIGINT || real_time == 5 || real_time == 15;
    const bool power_off = number == SIGTERM || number == SIGPWR || real_time == 3 ||
                           real_time == 4 || real_time == 13 || real_time == 14;
    if (!reboot && !power_off) return;
    const Ending ending = reboot ? Ending::reboot : Ending::poweroff;
    if (at_once) return end_at_once(ending, proto::signal_name(number));
    end(ending, proto::signal_name(number));
}

void Agent::end(Ending ending, std::string_view why) {
    if (ending_) return;
    ending_ = ending;
    stages_.emplace(deadlines(), std::chrono::steady_clock::now());
    arm_last_resort(ending);
    record(Audience::guest, "shutdown", {{"why", why}});
    vmm_.say(fmt::format("STOPPING=1\nSTATUS=shutting down: {}", why));
    // A container runtime wants no word of ours beside those of the command.
    if (options_.is_vm) log_.info(fmt::format("shutting down: {}", why));
    tasks_.keep("shutdown", [this] { return finish(); });
}

/// Also when another end is under way, which takes too long for somebody.
void Agent::end_at_once(Ending ending, std::string_view why) {
    ending_ = ending;
    at_once_ = true;
    log_.info(fmt::format("{} at once: {}", ending == Ending::reboot ? "rebooting" : "powering off",
                          why));
    context_.stop();
}

/// Whatever hangs from now on, be it the loop itself, does not keep the VM.
void Agent::arm_last_resort(Ending ending) {
    if (!options_.is_vm) return;
    const sys::PowerAction action =
        ending == Ending::reboot ? sys::PowerAction::reboot : options_.power;
    if (!boot::arm_last_resort(deadlines().total, action))
        log_.warn("cannot arm the last resort of the shutdown");
}

proto::ShutdownDeadlines Agent::deadlines() const {
    return proto::shutdown_deadlines(options_.config.shutdown, options_.config.stop_grace,
                                     options_.config.supervision.report_deadline);
}

std::chrono::milliseconds Agent::stage_budget(proto::ShutdownStage stage) const {
    return stages_->budget(stage, std::chrono::steady_clock::now());
}

void Agent::tell_overrun(proto::ShutdownStage stage, std::chrono::milliseconds deadline,
                         const std::string& left) {
    record(Audience::guest, "shutdown_overrun",
           {{"stage", proto::name(stage)}, {"deadline_ms", deadline.count()}, {"left", left}});
    log_.warn(boot::describe_overrun(stage, deadline, left));
}

io::Awaitable<> Agent::finish() {
    // A frozen payload hears no signal, and a frozen file system cannot be unmounted.
    co_await prepare_.shut_down();
    co_await stop_workload();
    if (options_.is_vm) co_await stop_execs();
    co_await flush();
    context_.stop();
}

io::Awaitable<> Agent::stop_workload() {
    workload_.end();
    const auto running = [this] { return workload_.process().running(); };
    const std::chrono::milliseconds budget = stage_budget(proto::ShutdownStage::workload);
    const bool ended = co_await wait_while(running, budget);
    if (ended) co_return;
    tell_overrun(proto::ShutdownStage::workload, budget,
                 sys::describe_process(workload_.process().pid()));
    workload_.process().kill();
}

io::Awaitable<> Agent::stop_execs() {
    // Everybody else is told while the agent still serves: what an exec says on SIGTERM, and its
    // exit status, reach the client. An error of kill(2) means that there is nobody.
    (void)::kill(-1, SIGTERM);
    sessions_.abandon_clients();
    const auto running = [this] {
        return sessions_.counters().running > 0 || sessions_.counters().clients > 0 ||
               files_.counters().running > 0;
    };
    const std::chrono::milliseconds budget = stage_budget(proto::ShutdownStage::processes);
    // Of a short deadline the half is left for the end of what is killed.
    const std::chrono::milliseconds grace =
        std::min(options_.config.stop_grace, std::max(budget - after_kill, budget / 2));
    const bool ended = co_await wait_while(running, grace);
    if (ended) co_return;
    log_.warn(fmt::format("{} execs ignored SIGTERM for {} ms, killing them",
                          sessions_.counters().running, grace.count()));
    (void)::kill(-1, SIGKILL);
    const bool killed = co_await wait_while(running, std::min(after_kill, budget - grace));
    if (!killed)
        tell_overrun(proto::ShutdownStage::processes, budget,
                     sys::describe_processes(named_processes));
}

io::Awaitable<bool> Agent::wait_while(std::function<bool()> busy,
                                      std::chrono::milliseconds deadline) {
    auto end = std::chrono::steady_clock::now() + deadline;
    io::Timer tick(context_);
    // What is waited for ends in tasks of its own; this one only bounds the wait, at the end of the
    // machine's life, so it looks now and then.
    while (busy()) {
        if (std::chrono::steady_clock::now() >= end) co_return false;
        tick.expires_after(5ms);
        auto waited = co_await tick.async_wait(io::no_throw);
        (void)waited; // cancelled only when the program ends
        // The time that a jump of the clock skipped has not passed for who is waited for.
        const auto late = std::chrono::steady_clock::now() - tick.expiry();
        if (late > sys::clock_jump) end += late;
    }
    co_return true;
}

bool Agent::host_is_there() const {
    // A host that is reachable at all has a connection of its own: link, output, or a client.
    return !registry_.entries().empty();
}

io::Awaitable<> Agent::flush() {
    const std::chrono::milliseconds budget = stage_budget(proto::ShutdownStage::flush);
    const auto end = std::chrono::steady_clock::now() + budget;
    if (options_.has_host) co_await flush_host(budget, end);
    if (!vmm_.is_open()) co_return;
    (void)co_await vmm_.flushed(std::min(vmm_patience, left_until(end))); // The rest is counted.
}

io::Awaitable<> Agent::flush_host(std::chrono::milliseconds budget,
                                  std::chrono::steady_clock::time_point end) {
    // Without a host there is nobody to wait for: one short grace, then the end.
    const bool connected = host_is_there();
    const std::chrono::milliseconds usual = connected ? proto::limits::exit_report : 200ms;
    const std::chrono::milliseconds report =
        options_.config.supervision.report_deadline.value_or(usual);
    // What is left is at most 1 MiB a stream; of a short deadline the half is the exit report's.
    const std::chrono::milliseconds patience =
        connected ? std::max(budget - report - vmm_patience, budget / 2) : std::min(1000ms, budget);
    const bool output_done = co_await output_.flushed(patience);
    const bool events_done =
        co_await restore_.events_acknowledged(std::min(report, left_until(end)));
    if (!output_done) log_.warn("the host has not acknowledged all output of the workload");
    if (!events_done) log_.warn("the host has not acknowledged the exit report");
    if (left_until(end) == 0ms && !(output_done && events_done))
        tell_overrun(proto::ShutdownStage::flush, budget,
                     output_done ? "the exit report" : "output of the workload");
}

} // namespace rouse
