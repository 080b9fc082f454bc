#include "agent/init.hpp"

#include "agent/agent.hpp"
#include "agent/boot/identity.hpp"
#include "agent/boot/load_config.hpp"
#include "agent/boot/modules.hpp"
#include "agent/boot/mounts.hpp"
#include "agent/boot/power_choice.hpp"
#include "agent/boot/shutdown.hpp"
#include "agent/debug/debug_command.hpp"
#include "agent/last_processes.hpp"
#include "agent/sys/fault.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/signals.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include <linux/vm_sockets.h>
#include <sys/stat.h>

namespace rouse {

namespace {

constexpr std::chrono::milliseconds straggler_grace{1000};

/// Logs what failed; throws for what nothing can work without.
void explain(const boot::Report& report, Log& log) {
    for (const boot::Step& step : report.steps())
        if (!step.ok) log.warn(fmt::format("{}: {}", step.name, step.message));
    if (const boot::Step* fatal = report.fatal())
        throw std::runtime_error(fmt::format("{}: {}", fatal->name, fatal->message));
}

/// Where the debug socket and the generation file live.
void make_run_directory(Log& log) {
    if (::mkdir("/run/rouse", 0755) != 0 && errno != EEXIST)
        log.warn(fmt::format("cannot make /run/rouse: {}", sys::last_error().message()));
}

AgentOptions options_of_vm(boot::LoadedConfig loaded, Log& log) {
    for (const std::string& error : loaded.errors)
        log.error(error);
    for (const std::string& warning : loaded.warnings)
        log.warn(warning);
    AgentOptions options;
    options.problems = std::move(loaded.errors);
    options.problems.insert(options.problems.end(), loaded.warnings.begin(), loaded.warnings.end());
    options.config = std::move(loaded.config);
    options.token = std::move(loaded.token);
    options.is_vm = true;
    options.has_host = true;
    const proto::Ports& ports = options.config.ports;
    options.exec_address = io::VsockAddress{VMADDR_CID_ANY, ports.exec};
    options.link_address = io::VsockAddress{VMADDR_CID_HOST, ports.link};
    options.output_address = io::VsockAddress{VMADDR_CID_HOST, ports.output};
    options.debug_socket = debug::default_socket;
    return options;
}

/// Everything that must be there before the agent: signals, file systems, modules, names.
AgentOptions boot_guest(Log& log) {
    sys::take_over_signals().value();
    (void)sys::take_over_ctrl_alt_del(); // without it the kernel reboots at once: no reason to stop
    explain(boot::mount_all(), log);
    log = Log::on_console(); // devtmpfs may have brought a console that was not there before
    explain(boot::load_modules(), log);
    const sys::Result<std::string> line = sys::kernel_command_line();
    boot::LoadedConfig loaded = boot::load_config(boot::config_file, line ? *line : std::string());
    explain(boot::set_up_identity(loaded.config.hostname), log);
    (void)sys::raise_open_files(sys::open_files_wanted); // as many as we get
    make_run_directory(log);
    return options_of_vm(std::move(loaded), log);
}

/// Ends the machine when everything of the guest has been told to end.
[[noreturn]] void end_guest(sys::PowerAction action, Log& log) {
    if (!boot::arm_last_resort(proto::limits::shutdown_total, action))
        log.warn("cannot arm the last resort of the shutdown");
    if (!end_all_processes(straggler_grace)) log.warn("some processes survived SIGKILL");
    const boot::Report unmounted = boot::unmount_all(); // a temporary would not outlive its steps()
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
    (void)sys::end_machine_on_fault(action); // without it a fault panics the kernel, which says so
    try {
        AgentOptions options = boot_guest(log);
        action = boot::choose_power_action(options.config.power, boot::inspect_machine());
        (void)sys::end_machine_on_fault(action);
        Agent agent(std::move(options), log);
        // From now on the agent must not die: run() returns when a signal, the workload or the host
        // says so, and for no other reason.
        if (agent.run() == Agent::Ending::reboot) action = sys::PowerAction::reboot;
    } catch (const std::exception& failure) {
        log.error(fmt::format("boot failed: {}", failure.what()));
    }
    end_guest(action, log);
}

} // namespace rouse
