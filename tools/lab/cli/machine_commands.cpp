// ps, exec, console, snapshot, down: the commands on machines that exist.
#include "tools/command_words.hpp"
#include "tools/lab/cli/commands.hpp"
#include "tools/lab/cli/control.hpp"
#include "tools/lab/cli/state.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

constexpr auto snapshot_limit = std::chrono::seconds(90);
// How often the end of a machine whose console is silent is looked for.
constexpr auto state_poll = std::chrono::milliseconds(200);
constexpr auto down_limit = std::chrono::seconds(15);

int ps(bool as_json) {
    const auto machines = load_all();
    if (as_json) {
        json::array list;
        for (const auto& machine : machines)
            list.push_back(to_json(machine));
        fmt::print("{}\n", json::serialize(list));
        return 0;
    }
    if (machines.empty()) return 0;
    fmt::print("{:<16} {:<4} {:>10}  {:<18} {}\n", "NAME", "RIG", "CID", "STATE", "TARGET");
    for (const auto& machine : machines)
        fmt::print("{:<16} {:<4} {:>10}  {:<18} {}\n", machine.name, machine.rig, machine.cid,
                   machine.state, machine.state == running ? machine.target : "-");
    return 0;
}

/// Replaces this process by rousectl, so that streams, signals and exit status pass through.
int exec(const std::string& name, std::vector<std::string> command) {
    const State state = load_running(name);
    std::vector<std::string> words{
        build_product("tools/rousectl"), "-H", state.target, "exec", "-i", "--"};
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    throw LabError(fmt::format("cannot run '{}': {}; build it with 'ninja -C {} tools/rousectl'",
                               words[0], errno_text(errno), build_product(".").string()));
}

/// Prints what the console adds until the machine is gone.
void follow(const std::string& name, const Console& console, std::size_t printed) {
    for (;;) {
        const auto state = load(name);
        const std::string text = console.text();
        if (text.size() > printed) fmt::print("{}", text.substr(printed));
        printed = text.size();
        (void)std::fflush(stdout); // a reader that left ends us by SIGPIPE
        if (!state || state->state != running) return;
        console.wait_change(state_poll);
    }
}

int console(const std::string& name, bool following) {
    if (!load(name)) (void)load_running(name); // throws and says which machines there are
    const Console console(machine_folder(name) / "console");
    const std::string text = console.text();
    fmt::print("{}", text);
    if (following) follow(name, console, text.size());
    return 0;
}

struct SnapshotArguments {
    std::string name;
    std::string file;
    bool keep_running = false;
    bool no_prepare = false;
};

/// What the guest said before it was saved, for people.
std::string describe_prepared(const json::object& answer) {
    const json::value* said = answer.if_contains("prepared");
    if (said == nullptr || !said->is_object()) return "not prepared";
    const json::object& prepared = said->get_object();
    const json::value* open = prepared.if_contains("open");
    const json::value* took = prepared.if_contains("total_us");
    boost::system::error_code not_a_number; // then it is said as 0
    return fmt::format("prepared in {} ms with {} open connections",
                       took == nullptr ? 0 : took->to_number<std::int64_t>(not_a_number) / 1000,
                       open != nullptr && open->is_array() ? open->get_array().size() : 0);
}

int snapshot(const SnapshotArguments& arguments) {
    const auto& [name, file, keep_running, no_prepare] = arguments;
    (void)load_running(name); // throws when it does not run
    const json::object answer = ask_keeper(machine_folder(name),
                                           {{"do", "snapshot"},
                                            {"file", std::filesystem::absolute(file).string()},
                                            {"keep_running", keep_running},
                                            {"prepare", !no_prepare}},
                                           Deadline(snapshot_limit));
    fmt::print("{}: saved to {} ({} MiB), {}{}\n", name, file,
               std::filesystem::file_size(file) >> 20U, describe_prepared(answer),
               keep_running ? "; it goes on" : "; it is gone");
    return 0;
}

/// Asks the keeper to end and waits until it did.
void end_keeper(const State& state) {
    // The lock on the folder proves that the keeper lives; the descriptor keeps its number ours.
    const Descriptor keeper(static_cast<int>(syscall(SYS_pidfd_open, state.keeper, 0U)));
    if (!keeper.is_open() || !is_held(machine_folder(state.name))) return;
    (void)syscall(SYS_pidfd_send_signal, keeper.get(), SIGTERM, nullptr, 0U); // gone: just as well
    pollfd ended{.fd = keeper.get(), .events = POLLIN, .revents = 0};
    if (poll(&ended, 1, Deadline(down_limit).poll_timeout()) > 0) return;
    (void)syscall(SYS_pidfd_send_signal, keeper.get(), SIGKILL, nullptr, 0U);
    (void)poll(&ended, 1, Deadline(down_limit).poll_timeout());
}

bool down_one(const std::string& name) {
    const auto state = load(name);
    if (!state) return false;
    if (state->state == "starting")
        throw LabError(
            fmt::format("machine '{}' is being started by another command; end that one", name));
    end_keeper(*state);
    if (is_held(machine_folder(name)))
        throw LabError(fmt::format("machine '{}' does not end (its keeper is process {})", name,
                                   state->keeper));
    std::filesystem::remove_all(machine_folder(name));
    return true;
}

int down(const std::vector<std::string>& names, bool all) {
    std::vector<std::string> chosen = names;
    if (all)
        for (const auto& machine : load_all())
            chosen.push_back(machine.name);
    for (const auto& name : chosen)
        if (down_one(name)) fmt::print("{}: down\n", name);
    return 0;
}

void add_looking_commands(CLI::App& app, Command& chosen) {
    CLI::App* listing = app.add_subcommand("ps", "the machines that exist");
    auto as_json = std::make_shared<bool>(false);
    listing->add_flag("--json", *as_json, "for programs");
    listing->callback([&chosen, as_json] { chosen = [as_json] { return ps(*as_json); }; });

    CLI::App* printing = app.add_subcommand("console", "print a machine's console");
    auto name = std::make_shared<std::string>();
    auto following = std::make_shared<bool>(false);
    printing->add_option("NAME", *name)->required();
    printing->add_flag("-f,--follow", *following, "until the machine ends");
    printing->callback([&chosen, name, following] {
        chosen = [name, following] { return console(*name, *following); };
    });
}

void add_exec(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("exec", "run a command in a machine");
    auto name = std::make_shared<std::string>();
    auto words = std::make_shared<std::vector<std::string>>();
    command->add_option("NAME", *name)->required();
    command->add_option("COMMAND", *words, "after --")->required();
    command->callback([&chosen, name, words] {
        chosen = [name, words] { return exec(*name, command_words(*words)); };
    });
}

void add_snapshot(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("snapshot", "save a machine; it ends unless told else");
    auto arguments = std::make_shared<SnapshotArguments>();
    command->add_option("NAME", arguments->name)->required();
    command->add_option("FILE", arguments->file)->required();
    command->add_flag("--keep-running", arguments->keep_running, "the machine goes on");
    command->add_flag("--no-prepare", arguments->no_prepare,
                      "do not ask the agent to get ready: take it by surprise");
    command->callback(
        [&chosen, arguments] { chosen = [arguments] { return snapshot(*arguments); }; });
}

void add_down(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("down", "end machines and remove what they left");
    auto names = std::make_shared<std::vector<std::string>>();
    auto all = std::make_shared<bool>(false);
    command->add_option("NAME", *names);
    command->add_flag("--all", *all, "every machine");
    command->callback([&chosen, names, all] {
        if (names->empty() && !*all) throw CLI::RequiredError("NAME or --all");
        chosen = [names, all] { return down(*names, *all); };
    });
}

} // namespace

void add_machine_commands(CLI::App& app, Command& chosen) {
    add_exec(app, chosen);
    add_looking_commands(app, chosen);
    add_snapshot(app, chosen);
    add_down(app, chosen);
}

} // namespace rouse::lab::cli
