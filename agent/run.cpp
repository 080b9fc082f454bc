#include "agent/run.hpp"

#include "agent/agent.hpp"
#include "agent/boot/load_config.hpp"
#include "agent/sys/clock.hpp"
#include "agent/sys/machine.hpp"
#include "agent/sys/signals.hpp"

#include <fmt/format.h>

#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

namespace rouse {

namespace {

constexpr int own_failure = 125; // docker-run(1), EXIT STATUS

/// Reads the file into the options; says on the log what is wrong, and whether it can be used.
bool read_configuration(const std::string& path, AgentOptions& options, Log& log) {
    if (path.empty()) return true;
    boot::LoadedConfig loaded = boot::load_config({.config = path, .image = {}}, {});
    for (const std::string& error : loaded.errors)
        log.error(error);
    for (const std::string& warning : loaded.warnings)
        log.warn(warning);
    options.config = std::move(loaded.config);
    options.token = std::move(loaded.token);
    options.problems = std::move(loaded.warnings);
    return loaded.errors.empty();
}

AgentOptions options_from(const Arguments& arguments) {
    AgentOptions options;
    options.timeline.init = sys::since_boot();
    options.signals_group = arguments.run.to_group;
    options.verbosity = arguments.run.verbosity;
    return options;
}

/// Where the host reaches us, and we it: beside the socket, under the ports of the configuration.
void place_sockets(const std::string& socket, AgentOptions& options) {
    options.has_host = !socket.empty();
    if (!options.has_host) return;
    const proto::Ports& ports = options.config.ports;
    options.exec_address = io::UnixAddress{socket};
    options.link_address = io::UnixAddress{fmt::format("{}_{}", socket, ports.link)};
    options.output_address = io::UnixAddress{fmt::format("{}_{}", socket, ports.output)};
    options.debug_socket = fmt::format("{}.debug", socket);
}

/// What the process itself is asked to be; says on the log what cannot be had, and whether that is
/// a reason to end.
bool prepare_process(const Arguments& arguments, pid_t parent, Log& log) {
    // Orphans come to PID 1 by themselves; anybody else has to ask for them.
    if (!arguments.is_pid1 && ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        if (arguments.run.subreaper) log.error("cannot become a subreaper");
        if (arguments.run.subreaper) return false;
        log.warn("cannot become a subreaper: orphans go to PID 1");
    }
    const int signal = arguments.run.parent_death_signal;
    if (signal == 0) return true;
    if (::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) {
        log.error("cannot ask for a signal at the parent's end");
        return false;
    }
    // A parent that ended before we could ask sends nothing.
    if (::getppid() != parent) (void)::kill(::getpid(), signal);
    return true;
}

/// A command under `rouse run` sees the environment that rouse was given; what the configuration
/// says wins.
void inherit_environment(proto::Command& command) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text(*entry);
        const std::size_t equals = text.find('=');
        if (equals != std::string::npos && equals > 0)
            command.env.try_emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    if (command.cwd.empty()) command.cwd = ".";
}

} // namespace

int run(const Arguments& arguments) {
    const pid_t parent = ::getppid();
    Log log = Log::on_standard_error();
    try {
        AgentOptions options = options_from(arguments);
        if (!read_configuration(arguments.config, options, log)) return own_failure;
        place_sockets(arguments.socket, options);
        if (!arguments.command.empty()) options.config.workload.argv = arguments.command;
        inherit_environment(options.config.workload);
        options.add_boot_document = [beneath = options.config](const std::string& document,
                                                               const std::string& source) {
            return boot::add_boot_document(beneath, document, source, {});
        };
        if (!prepare_process(arguments, parent, log)) return own_failure;
        // Connections and sessions have limits of their own; as many as we get.
        (void)sys::raise_open_files(sys::open_files_wanted);
        sys::take_over_signals().value();
        Agent agent(std::move(options), log);
        (void)agent.run();
        return agent.exit_code();
    } catch (const std::exception& failure) {
        log.error(failure.what());
        return own_failure;
    }
}

} // namespace rouse
