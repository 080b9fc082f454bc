#include "tools/lab/cli/state.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <unistd.h>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz"
                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

bool is_name(const std::string& name) {
    return !name.empty() && name.front() != '.' &&
           name.find_first_not_of(name_characters) == std::string::npos;
}

std::filesystem::path state_file(const std::string& name) {
    return machine_folder(name) / "state.json";
}

} // namespace

State describe(const Machine& machine) {
    State state;
    state.name = machine.name();
    state.state = running;
    state.rig = std::string(rig_name(machine.rig()));
    state.target = machine.target();
    state.generation = machine.generation();
    state.cid = machine.cid();
    state.ready_ms = machine.ready_after().count();
    state.keeper = getpid();
    return state;
}

json::object to_json(const State& state) {
    return {{"name", state.name},         {"state", state.state},  {"rig", state.rig},
            {"target", state.target},     {"cid", state.cid},      {"generation", state.generation},
            {"ready_ms", state.ready_ms}, {"keeper", state.keeper}};
}

State from_json(const json::object& fields) {
    State state;
    state.name = json::value_to<std::string>(fields.at("name"));
    state.state = json::value_to<std::string>(fields.at("state"));
    state.rig = json::value_to<std::string>(fields.at("rig"));
    state.target = json::value_to<std::string>(fields.at("target"));
    state.generation = json::value_to<std::string>(fields.at("generation"));
    state.cid = json::value_to<std::uint32_t>(fields.at("cid"));
    state.ready_ms = json::value_to<std::int64_t>(fields.at("ready_ms"));
    state.keeper = json::value_to<pid_t>(fields.at("keeper"));
    return state;
}

std::filesystem::path machine_folder(const std::string& name) {
    if (!is_name(name))
        throw LabError(fmt::format("'{}' is not a name for a machine: letters, digits, '-', '_' "
                                   "and '.'",
                                   name));
    return state_folder() / name;
}

void save(const State& state) {
    initramfs::write_file(state_file(state.name), json::serialize(to_json(state)) + "\n");
}

std::optional<State> load(const std::string& name) {
    if (!std::filesystem::exists(machine_folder(name))) return std::nullopt;
    State state;
    try {
        state = from_json(json::parse(initramfs::read_file(state_file(name))).as_object());
    } catch (const std::exception&) {
        // Not written yet, or cut off: the lock below tells which.
        state.name = name;
        state.state = "starting";
    }
    const bool held = is_held(machine_folder(name));
    if (!held && (state.state == running || state.state == "starting")) state.state = "dead";
    return state;
}

State load_running(const std::string& name) {
    const auto state = load(name);
    if (!state) {
        std::vector<std::string> names;
        for (const auto& other : load_all())
            names.push_back(other.name);
        throw LabError(fmt::format("there is no machine '{}' ({})", name,
                                   names.empty()
                                       ? "none at all; 'rouse-lab up' makes one"
                                       : fmt::format("there are: {}", fmt::join(names, ", "))));
    }
    if (state->state != running) {
        const Console console(machine_folder(name) / "console");
        throw LabError(fmt::format("machine '{}' is not running: {}; the end of its console:\n{}",
                                   name, state->state, console.tail()));
    }
    return *state;
}

std::vector<State> load_all() {
    std::vector<State> all;
    for (const auto& entry : std::filesystem::directory_iterator(state_folder())) {
        const std::string name = entry.path().filename().string();
        if (!entry.is_directory() || !is_name(name)) continue; // somebody else's
        if (auto state = load(name)) all.push_back(std::move(*state));
    }
    std::sort(all.begin(), all.end(),
              [](const State& a, const State& b) { return a.name < b.name; });
    return all;
}

} // namespace rouse::lab::cli
