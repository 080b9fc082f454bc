#pragma once
// Runs the programs that the configuration names for the times around a snapshot.

#include "agent/io/async.hpp"
#include "agent/supervise/spawner.hpp"
#include "proto/config.hpp"
#include "proto/restore.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace rouse::restore {

enum class Hook { prepare, resume, restored };

/// What a hook finds in its environment, beside ROUSE_HOOK.
struct HookContext {
    std::string kind;       ///< ROUSE_KIND: why it is run, such as "prepare" or "lease"
    std::string generation; ///< ROUSE_GENERATION
    std::optional<std::string> parent_generation; ///< ROUSE_PARENT_GENERATION, empty without one
};

/// Runs at most one program at a time for each caller; as root, in a control group of its own that
/// is frozen with nobody. One thread; outlives what it runs.
class HookRunner {
public:
    /// Borrows the spawner.
    HookRunner(supervise::Spawner& spawner, io::Executor executor, proto::HooksConfig config);

    [[nodiscard]] bool has(Hook hook) const { return !argv(hook).empty(); }

    /// Runs it to its end, at most `budget` or the configured time, whichever is shorter; then it
    /// is killed with all that it has started. "ok" after exit code 0; "failed", with the program,
    /// how it ended, and the last that it said; "skipped" where none is configured. Cancelled: it
    /// is killed.
    io::Awaitable<proto::RestoreStep> run(Hook hook, HookContext context,
                                          std::chrono::milliseconds budget);

private:
    struct Running;

    [[nodiscard]] const std::vector<std::string>& argv(Hook hook) const;
    [[nodiscard]] proto::Command command(Hook hook, const HookContext& context) const;
    io::Awaitable<> run_to_end(proto::Command command, Running& running);

    supervise::Spawner& spawner_;
    io::Executor executor_;
    proto::HooksConfig config_;
};

} // namespace rouse::restore
