// rousectl: drives the agents of virtual machines from the host.
#include "tools/command_words.hpp"
#include "tools/rousectl/commands.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

using namespace rouse;

constexpr const char* about =
    "Drives virtual machines whose init is rouse.\n\n"
    "A machine is named by -H, or by $ROUSE_HOST:\n"
    "  vsock:CID[:PORT]   context id on AF_VSOCK, port of the exec server (1001)\n"
    "  unix:PATH          Unix socket of Firecracker or Cloud Hypervisor, or of a plain agent";

int run(int argc, char** argv) {
    // A reader that goes away is an error of one write, not our end.
    (void)std::signal(SIGPIPE, SIG_IGN); // cannot fail for SIGPIPE
    CLI::App app(about, "rousectl");
    app.require_subcommand(1);
    app.set_version_flag("--version", ROUSE_VERSION);
    ctl::Common common;
    app.add_option("-H,--host", common.hosts, "The virtual machine; collect takes several")
        ->type_name("TARGET")
        ->allow_extra_args(false);
    app.add_option("--token-file", common.token_file,
                   "File with the bearer token of the virtual machine; else $ROUSE_TOKEN_FILE")
        ->type_name("FILE");
    ctl::Command chosen;
    ctl::add_exec(app, common, chosen);
    ctl::add_attach(app, common, chosen);
    ctl::add_ps(app, common, chosen);
    ctl::add_signal(app, common, chosen);
    ctl::add_wait(app, common, chosen);
    ctl::add_cp(app, common, chosen);
    ctl::add_proxy(app, common, chosen);
    ctl::add_forward(app, common, chosen);
    ctl::add_status(app, common, chosen);
    ctl::add_logs(app, common, chosen);
    ctl::add_snapshot(app, common, chosen);
    ctl::add_restore(app, common, chosen);
    ctl::add_debug(app, common, chosen);
    ctl::add_metrics(app, common, chosen);
    ctl::add_events(app, common, chosen);
    ctl::add_workload(app, common, chosen);
    ctl::add_shutdown(app, common, chosen);
    ctl::add_collect(app, common, chosen);
    ctl::add_check(app, chosen);
    try {
        app.parse(arguments_for_parser(argc, argv));
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : ctl::own_error;
    }
    return chosen();
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // What cannot be printed has nowhere else to go.
        (void)std::fputs("rousectl: ", stderr);
        (void)std::fputs(error.what(), stderr);
        (void)std::fputs("\n", stderr);
        return ctl::own_error;
    }
}
