// What is written down about a machine that `rouse-lab` runs, for the commands that come later.
#pragma once

#include "tools/lab/machine.hpp"

#include <boost/json/object.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace rouse::lab::cli {

/// The content of NAME/state.json. A value.
struct State {
    std::string name;
    /// "running" or how the machine ended.
    std::string state;
    std::string rig;
    std::string target;
    std::string generation;
    std::uint32_t cid = 0;
    std::int64_t ready_ms = 0;
    /// The process that owns the machine.
    pid_t keeper = 0;
};

constexpr const char* running = "running";

/// Describes a machine that runs in this process.
[[nodiscard]] State describe(const Machine& machine);

[[nodiscard]] boost::json::object to_json(const State& state);

/// Errors: std::exception when a field is missing or of another type.
[[nodiscard]] State from_json(const boost::json::object& fields);

/// The folder of the machine `name`. Errors: LabError when the name has other characters than
/// letters, digits, '-', '_' and '.', or starts with a '.'.
[[nodiscard]] std::filesystem::path machine_folder(const std::string& name);

/// Writes the state into the folder of its machine.
void save(const State& state);

/// The state of a machine; nothing when there is none of this name. A machine whose owner is gone
/// is reported as "dead", whatever was written.
[[nodiscard]] std::optional<State> load(const std::string& name);

/// Like load, for a machine that runs. Errors: LabError that says how it ended, or that there is
/// none and which there are.
[[nodiscard]] State load_running(const std::string& name);

/// All machines, sorted by name.
[[nodiscard]] std::vector<State> load_all();

} // namespace rouse::lab::cli
