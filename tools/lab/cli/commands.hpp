// The commands of rouse-lab. Each adds itself to the command line and runs when it was given.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace rouse::lab::cli {

/// What the chosen command does; returns the exit status.
using Command = std::function<int()>;

/// Declares a group of commands on `app`; the one that is given on the command line puts what it
/// does into `chosen`. Both outlive the parsing.
void add_kernel_commands(CLI::App& app, Command& chosen);
void add_start_commands(CLI::App& app, Command& chosen);
void add_machine_commands(CLI::App& app, Command& chosen);
void add_nested_command(CLI::App& app, Command& chosen);

} // namespace rouse::lab::cli
