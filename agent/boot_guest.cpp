#include "agent/boot_guest.hpp"

#include "agent/boot/credentials.hpp"
#include "agent/boot/hotplug.hpp"
#include "agent/boot/load_config.hpp"
#include "agent/boot/modules.hpp"
#include "agent/boot/mounts.hpp"
#include "agent/boot/names.hpp"
#include "agent/boot/network.hpp"
#include "agent/boot/root.hpp"
#include "agent/boot/steps.hpp"
#include "agent/boot/sysctls.hpp"
#include "agent/boot/volumes.hpp"
#include "agent/debug/debug_command.hpp"
#include "agent/sys/clock.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/power.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/signals.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include <linux/vm_sockets.h>

namespace rouse {

namespace {

AgentOptions options_of_vm(boot::LoadedConfig loaded, const std::string& line) {
    AgentOptions options;
    options.problems = std::move(loaded.errors);
    options.problems.insert(options.problems.end(), loaded.warnings.begin(), loaded.warnings.end());
    options.config = std::move(loaded.config);
    options.add_boot_document = [beneath = std::move(loaded.beneath),
                                 line](const std::string& document, const std::string& source) {
        return boot::add_boot_document(beneath, document, source, line);
    };
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

/// Descriptors, as many as we get, and a place for the debug socket and the generation.
boot::Report prepare_agent() {
    boot::Report report;
    const sys::Result<std::uint64_t> files = sys::raise_open_files(sys::open_files_wanted);
    report.add("open files", files ? sys::Result<>() : files.error());
    report.add("/run/rouse", sys::make_directory("/run/rouse", 0755));
    return report;
}

/// The stages of one boot: each ends before the next begins.
class Booting {
public:
    explicit Booting(Log& log) : log_(log) { timeline_.init = sys::since_boot(); }

    AgentOptions run() {
        sys::take_over_signals().value();
        (void)sys::take_over_ctrl_alt_del(); // without it the kernel reboots: no reason to stop
        stage({{.name = "mounts", .work = &boot::mount_all}});
        log_ = Log::on_console(); // devtmpfs may have brought a console that was not there before
        stage({{.name = "modules", .work = [] { return boot::load_modules(); }}});
        stage({{.name = "configuration", .work = [this] { return configure({}); }}});
        // Now, as the next stage may end the boot.
        explain_configuration(boot::lasting_errors(loaded_));
        stage({{.name = "root", .work = [this] { return enter_root(); }}});
        if (entered_root_) go_on_in_root();
        explain_configuration(loaded_.errors);
        stage(guest_steps());
        AgentOptions options = options_of_vm(std::move(loaded_), command_line_);
        options.late_interfaces = std::move(late_interfaces_);
        options.timeline = std::move(timeline_);
        return options;
    }

private:
    /// What was read of the initramfs is what the root's own configuration is read on top of.
    boot::Report enter_root() {
        boot::EnteredRoot entered = boot::enter_root(loaded_.config.root);
        entered_root_ = entered.outcome == boot::RootOutcome::switched;
        return std::move(entered.report);
    }

    void go_on_in_root() {
        stage({{.name = "mounts of the root", .work = &boot::mount_all}}); // what is missing there
        stage({{.name = "modules of the root", .work = [] { return boot::load_modules(); }}});
        const boot::LoadedConfig initramfs = loaded_;
        stage({{.name = "configuration of the root",
                .work = [this, &initramfs] { return configure(initramfs.config); }}});
        boot::add_earlier_problems(initramfs, loaded_);
    }

    /// Runs the steps; throws when one failed that nothing can work without.
    void stage(std::vector<boot::BootStep> steps) {
        const boot::StepWatch watch{
            .ended = [this](const boot::TimedStep& step) { explain(step); },
            .slow =
                [this](const std::vector<std::string>& names) {
                    log_.info(fmt::format("boot waits for: {}", fmt::join(names, ", ")));
                }};
        for (boot::TimedStep& step : boot::run_steps(std::move(steps), watch))
            timeline_.steps.push_back(std::move(step));
        for (const boot::TimedStep& step : timeline_.steps)
            if (const boot::Step* fatal = step.report.fatal())
                throw std::runtime_error(fmt::format("{}: {}", fatal->name, fatal->message));
    }

    /// What the configuration makes of the guest. Each borrows what `loaded_` has.
    std::vector<boot::BootStep> guest_steps() {
        const proto::GuestConfig& guest = loaded_.config.guest;
        return {
            {.name = "volumes",
             .work = [this] { return boot::mount_volumes(loaded_.config.volumes); }},
            {.name = "swap",
             .work = [this] { return boot::enable_swap(loaded_.config.swap); },
             .after = {"volumes"}},
            {.name = "hostname",
             .work = [this] { return boot::set_hostname(loaded_.config.hostname); }},
            {.name = "hosts",
             .work = [&guest] { return boot::write_hosts(guest.hosts); },
             .after = {"hostname", "volumes"}},
            {.name = "resolv.conf",
             .work = [&guest] { return boot::write_resolv_conf(guest.dns); },
             .after = {"volumes"}},
            {.name = "sysctls", .work = [&guest] { return boot::set_sysctls(guest.sysctls); }},
            // What is set for all interfaces to come must be there when they are brought up.
            {.name = "network", .work = [this] { return set_up_network(); }, .after = {"sysctls"}},
            {.name = "credentials",
             .work =
                 [&guest] {
                     return guest.import_credentials ? boot::import_credentials() : boot::Report();
                 }},
            {.name = "hotplug", .work = [&guest] { return boot::bring_online(guest.hotplug); }},
            {.name = "limits", .work = &prepare_agent},
        };
    }

    boot::Report set_up_network() {
        boot::NetworkAtBoot network =
            boot::set_up_network(loaded_.config.guest, proto::limits::interface_wait);
        late_interfaces_ = std::move(network.late);
        return std::move(network.report);
    }

    void explain(const boot::TimedStep& timed) {
        for (const boot::Step& step : timed.report.steps())
            if (!step.ok) log_.warn(fmt::format("{}: {}", step.name, step.message));
    }

    /// Says each line once: the second reading of the configuration finds some of them again.
    void explain_configuration(const std::vector<std::string>& errors) {
        const auto is_new = [this](const std::string& line) {
            if (std::find(explained_.begin(), explained_.end(), line) != explained_.end())
                return false;
            explained_.push_back(line);
            return true;
        };
        for (const std::string& error : errors)
            if (is_new(error)) log_.error(error);
        for (const std::string& warning : loaded_.warnings)
            if (is_new(warning)) log_.warn(warning);
    }

    boot::Report configure(proto::Config beneath) {
        const sys::Result<std::string> line = sys::kernel_command_line();
        if (line) command_line_ = *line;
        loaded_ = boot::load_config({}, command_line_, std::move(beneath));
        boot::Report report;
        report.add({.name = "configuration",
                    .ok = loaded_.errors.empty(),
                    .fatal = false,
                    .message = loaded_.errors.empty()
                                   ? ""
                                   : fmt::format("{} errors", loaded_.errors.size())});
        return report;
    }

    Log& log_;
    boot::Timeline timeline_;
    bool entered_root_ = false;
    std::string command_line_; ///< the kernel's
    boot::LoadedConfig loaded_;
    std::vector<std::string> explained_; ///< of the problems of the configuration
    std::vector<std::string> late_interfaces_;
};

} // namespace

AgentOptions boot_guest(Log& log) {
    return Booting(log).run();
}

} // namespace rouse
