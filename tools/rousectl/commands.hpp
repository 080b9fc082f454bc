#pragma once
// The commands of rousectl: each registers its options and, when it was chosen, the function that
// runs it.

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace rouse::ctl {

/// Exit code for what went wrong on our own side, as docker has it.
inline constexpr int own_error = 125;

/// What the command line said before the command's name.
struct Common {
    std::vector<std::string> hosts; ///< -H, as written
    std::string token_file;         ///< --token-file
};

/// Runs the chosen command and returns the exit code.
using Command = std::function<int()>;

// Borrow `common`, which is complete when the command runs.
/// `check FILE`, which asks no machine.
void add_check(CLI::App& app, Command& chosen);
void add_exec(CLI::App& app, const Common& common, Command& chosen);
void add_attach(CLI::App& app, const Common& common, Command& chosen);
void add_ps(CLI::App& app, const Common& common, Command& chosen);
void add_signal(CLI::App& app, const Common& common, Command& chosen);
void add_wait(CLI::App& app, const Common& common, Command& chosen);
/// `wait restored`, below the command of the former.
void add_wait_restored(CLI::App& wait, const Common& common, Command& chosen);
void add_cp(CLI::App& app, const Common& common, Command& chosen);
void add_proxy(CLI::App& app, const Common& common, Command& chosen);
void add_forward(CLI::App& app, const Common& common, Command& chosen);
void add_status(CLI::App& app, const Common& common, Command& chosen);
void add_restore(CLI::App& app, const Common& common, Command& chosen);
void add_snapshot(CLI::App& app, const Common& common, Command& chosen);
void add_logs(CLI::App& app, const Common& common, Command& chosen);
void add_debug(CLI::App& app, const Common& common, Command& chosen);
void add_metrics(CLI::App& app, const Common& common, Command& chosen);
void add_events(CLI::App& app, const Common& common, Command& chosen);
void add_workload(CLI::App& app, const Common& common, Command& chosen);
void add_shutdown(CLI::App& app, const Common& common, Command& chosen);
void add_collect(CLI::App& app, const Common& common, Command& chosen);

} // namespace rouse::ctl
