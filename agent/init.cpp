#include "agent/init.hpp"

#include "agent/agent.hpp"
#include "agent/boot/power_choice.hpp"
#include "agent/boot/shutdown.hpp"
#include "agent/boot/shutdown_stages.hpp"
#include "agent/boot_guest.hpp"
#include "agent/last_processes.hpp"
#include "agent/sys/fault.hpp"
#include "agent/sys/process_list.hpp"

#include <fmt/format.h>

namespace rouse {

namespace {

constexpr std::chrono::milliseconds straggler_grace{1000};
constexpr std::size_t names_of_stragglers = 8;

/// Ends the machine when everything of the guest has been told to end.
[[noreturn]] void end_guest(sys::PowerAction action, const proto::ShutdownDeadlines& deadlines,
                            Log& log) {
    // The agent has armed it, too, when its shutdown began; a boot that failed has not.
    if (!boot::arm_last_resort(deadlines.total, action))
        log.warn("cannot arm the last resort of the shutdown");
    if (!end_all_processes(straggler_grace))
        log.warn(fmt::format("shutdown: not ended by SIGKILL: {}",
                             sys::describe_processes(names_of_stragglers)));
    const boot::UnmountEnd end = boot::unmount_within(deadlines.unmount);
    if (!end.late.empty())
        log.warn(
            boot::describe_overrun(proto::ShutdownStage::unmount, deadlines.unmount, end.late));
    const boot::Report& unmounted = end.report; // a temporary would not outlive its steps()
    for (const boot::Step& step : unmounted.steps())
        if (!step.ok) log.warn(fmt::format("{}: {}", step.name, step.message));
    log.info(action == sys::PowerAction::reboot ? "rebooting" : "powering off");
    boot::end_machine(action);
}

} // namespace

void init() {
    (void)sys::occupy_stdio(); // what fails here fails again, visibly, below
    Log log = Log::on_console();
    sys::PowerAction action = sys::PowerAction::power_off;
    proto::ShutdownDeadlines deadlines =
        proto::shutdown_deadlines({}, proto::limits::kill_grace, {});
    (void)sys::end_machine_on_fault(action); // without it a fault panics the kernel, which says so
    try {
        AgentOptions options = boot_guest(log);
        action = boot::choose_power_action(options.config.power, boot::inspect_machine());
        (void)sys::end_machine_on_fault(action);
        options.power = action;
        Agent agent(std::move(options), log);
        // From now on the agent must not die: run() returns when a signal, the workload or the host
        // says so, and for no other reason.
        if (agent.run() == Agent::Ending::reboot) action = sys::PowerAction::reboot;
        if (agent.at_once()) boot::end_machine(action);
        deadlines = agent.deadlines();
    } catch (const std::exception& failure) {
        log.error(fmt::format("boot failed: {}", failure.what()));
    }
    end_guest(action, deadlines, log);
}

} // namespace rouse
