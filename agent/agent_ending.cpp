// How the agent ends: signals, the order of a shutdown, and its deadlines.

#include "agent/agent.hpp"
#include "agent/sys/late.hpp"

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <csignal>

namespace rouse {

using namespace std::chrono_literals;

namespace {

/// How long the end of a killed process, and the news of it, may take.
constexpr std::chrono::milliseconds after_kill = 2s;
/// How long a host that is connected may take to acknowledge what is left, at most 1 MiB a stream.
constexpr std::chrono::milliseconds flush_patience = 4s;

} // namespace

void Agent::on_signal(int number) {
    if (number == SIGCHLD) {
        reaper_.reap();
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
    workload_.process().signal(number);
    if (!workload_.goes_on()) end(Ending::exit, proto::signal_name(number));
}

void Agent::on_vm_signal(int number) {
    // What each means to a PID 1: systemd(1), SIGNALS; ctrl-alt-del arrives as SIGINT.
    const bool reboot = number == SIGINT || number == SIGRTMIN + 5;
    const bool power_off =
        number == SIGTERM || number == SIGPWR || number == SIGRTMIN + 3 || number == SIGRTMIN + 4;
    if (reboot || power_off)
        end(reboot ? Ending::reboot : Ending::poweroff, proto::signal_name(number));
}

void Agent::end(Ending ending, std::string_view why) {
    if (ending_) return;
    ending_ = ending;
    record(Audience::guest, "shutdown", {{"why", why}});
    vmm_.say(fmt::format("STOPPING=1\nSTATUS=shutting down: {}", why));
    // A container runtime wants no word of ours beside those of the command.
    if (options_.is_vm) log_.info(fmt::format("shutting down: {}", why));
    tasks_.keep("shutdown", [this] { return finish(); });
}

io::Awaitable<> Agent::finish() {
    // A frozen payload hears no signal, and a frozen file system cannot be unmounted.
    co_await prepare_.shut_down();
    co_await stop_workload();
    if (options_.is_vm) co_await stop_execs();
    co_await flush();
    if (vmm_.is_open()) (void)co_await vmm_.flushed(2s); // What it did not take is counted.
    context_.stop();
}

io::Awaitable<> Agent::stop_workload() {
    workload_.end();
    const auto running = [this] { return workload_.process().running(); };
    (void)co_await wait_while(running, options_.config.stop_grace + after_kill);
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
    const bool ended = co_await wait_while(running, options_.config.stop_grace);
    if (ended) co_return;
    log_.warn(fmt::format("{} execs ignored SIGTERM for {} ms, killing them",
                          sessions_.counters().running, options_.config.stop_grace.count()));
    (void)::kill(-1, SIGKILL);
    (void)co_await wait_while(running, after_kill);
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
    if (!options_.has_host) co_return;
    // Without a host there is nobody to wait for: one short grace, then the end.
    const bool connected = host_is_there();
    const std::chrono::milliseconds patience = connected ? flush_patience : 1s;
    const bool output_done = co_await output_.flushed(patience);
    const std::chrono::milliseconds usual = connected ? 2s : 200ms;
    const bool events_done = co_await restore_.events_acknowledged(
        options_.config.supervision.report_deadline.value_or(usual));
    if (!output_done) log_.warn("the host has not acknowledged all output of the workload");
    if (!events_done) log_.warn("the host has not acknowledged the exit report");
}

} // namespace rouse
