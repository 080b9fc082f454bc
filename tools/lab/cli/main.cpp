// rouse-lab: boots real virtual machines with rouse inside.
#include "tools/command_words.hpp"
#include "tools/lab/cli/commands.hpp"
#include "tools/lab/cli/keeper.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace {

int run(int argc, char** argv) {
    namespace cli = rouse::lab::cli;
    CLI::App app("Boots real virtual machines with rouse as their init.", "rouse-lab");
    app.require_subcommand(1);
    app.set_version_flag("--version", ROUSE_VERSION);
    cli::Command chosen;
    cli::add_start_commands(app, chosen);
    cli::add_machine_commands(app, chosen);
    cli::add_kernel_commands(app, chosen);
    cli::add_nested_command(app, chosen);
    try {
        app.parse(rouse::arguments_for_parser(argc, argv));
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    try {
        return chosen();
    } catch (const cli::Interrupted& interrupted) {
        (void)std::fputs("rouse-lab: interrupted; nothing is left running\n", stderr);
        return 128 + interrupted.signal;
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // What cannot be printed has nowhere else to go.
        (void)std::fputs("rouse-lab: ", stderr);
        (void)std::fputs(error.what(), stderr);
        (void)std::fputs("\n", stderr);
        return 1;
    }
}
