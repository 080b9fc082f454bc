// up, restore, clone: the commands that make machines.
#include "initramfs/file.hpp"
#include "tools/lab/cli/commands.hpp"
#include "tools/lab/cli/keeper.hpp"
#include "tools/lab/cli/state.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/options.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/snapshot_file.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

const std::map<std::string, Ready> ready_words{
    {"answer", Ready::answer}, {"console", Ready::console}, {"none", Ready::none}};

/// What the options are parsed into before they become MachineOptions.
struct StartArguments {
    MachineOptions machine;
    RestoreOptions restore;
    std::string rig;
    std::string config_file;
    std::string workload;
    std::vector<std::string> files;
    std::vector<std::string> disks;
    std::vector<std::string> shares;
    std::string hostname;
    std::string machine_id;
    std::string document_file;
    unsigned deadline_seconds = 60;
    unsigned clones = 0;
};

void add_common(CLI::App* command, StartArguments& to, MachineCommon& common) {
    command->add_option("--rig", to.rig, "tcg or kvm; picked when not given");
    command->add_option("--ready", common.ready, "what to wait for: answer, console or none")
        ->transform(CLI::CheckedTransformer(ready_words));
    command->add_option("--timeout", to.deadline_seconds,
                        "seconds until the guest has to be ready");
    command->add_option("--collect", common.collect,
                        "collect the workload's output into this directory");
    command->add_option("--disk", to.disks,
                        "FILE[,ro|,snapshot][,serial=TEXT]: a disk, may be repeated");
}

void finish_common(const StartArguments& from, MachineCommon& common) {
    if (!from.rig.empty()) common.rig = parse_rig(from.rig);
    common.deadline = std::chrono::seconds(from.deadline_seconds);
    common.directory = machine_folder(common.name);
    for (const auto& text : from.disks)
        common.disks.push_back(parse_disk(text));
    if (!common.collect.empty()) common.collect = std::filesystem::absolute(common.collect);
}

/// The configuration that runs `command` by a shell.
std::string workload_config(const std::string& command) {
    const json::object workload{{"argv", json::array{"/bin/sh", "-c", command}}};
    return json::serialize(json::object{{"workload", workload}});
}

void print_ready(const State& state) {
    fmt::print("{}: ready after {:.2f} s, {}\n", state.name,
               static_cast<double>(state.ready_ms) / 1000.0, state.target);
}

/// Says which rig is used and why, and takes it.
void settle_rig(MachineCommon& common) {
    if (common.rig) return;
    const RigChoice choice = choose_rig();
    common.rig = choice.rig;
    fmt::print("rig: {} ({})\n", rig_name(choice.rig), choice.reason);
    (void)std::fflush(stdout); // before a keeper is forked, which would print it again
}

int up(StartArguments& arguments) {
    MachineOptions& options = arguments.machine;
    finish_common(arguments, options);
    if (!arguments.config_file.empty())
        options.config = initramfs::read_file(arguments.config_file);
    if (!arguments.workload.empty()) options.config = workload_config(arguments.workload);
    for (const auto& text : arguments.files)
        options.files.push_back(initramfs::parse_extra_file(text));
    for (const auto& text : arguments.shares)
        options.shares.push_back(parse_share(text));
    settle_rig(options);
    fetch({options.kernel});
    if (options.rig == Rig::tcg) fetch({"vsock"});
    print_ready(start_keepers({{options.name, [&] { return Machine::boot(options); }}}).at(0));
    return 0;
}

/// What the restored machine `name` is told beside its generation.
json::object document_for(const StartArguments& arguments, const std::string& name) {
    json::object document;
    if (!arguments.document_file.empty())
        document = json::parse(initramfs::read_file(arguments.document_file)).as_object();
    if (!arguments.hostname.empty())
        document["hostname"] = arguments.hostname == "auto" ? name : arguments.hostname;
    if (!arguments.machine_id.empty())
        document["machine_id"] =
            arguments.machine_id == "auto" ? random_machine_id() : arguments.machine_id;
    return document;
}

int restore(StartArguments& arguments, const std::vector<std::string>& names) {
    std::vector<KeeperPlan> plans;
    const SnapshotHeader header = read_snapshot_header(arguments.restore.snapshot);
    arguments.restore.snapshot = std::filesystem::absolute(arguments.restore.snapshot);
    if (header.rig == Rig::tcg) fetch({"vsock"});
    for (const auto& name : names) {
        RestoreOptions options = arguments.restore;
        options.name = name;
        finish_common(arguments, options);
        options.document = document_for(arguments, name);
        if (!options.documents.empty())
            options.documents = std::filesystem::absolute(options.documents);
        if (names.size() > 1 && !options.collect.empty()) options.collect /= name;
        plans.push_back({name, [options] { return Machine::restore(options); }});
    }
    fmt::print("rig: {} (the snapshot's)\n", rig_name(header.rig));
    (void)std::fflush(stdout); // as above
    for (const State& state : start_keepers(plans))
        print_ready(state);
    return 0;
}

std::vector<std::string> clone_names(const StartArguments& arguments) {
    std::vector<std::string> names;
    for (unsigned number = 1; number <= arguments.clones; ++number)
        names.push_back(fmt::format("{}-{}", arguments.restore.name, number));
    return names;
}

void add_up(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("up", "boot a machine and wait until it answers");
    auto arguments = std::make_shared<StartArguments>();
    MachineOptions& machine = arguments->machine;
    command->add_option("NAME", machine.name, "its name")->capture_default_str();
    command->add_option("--kernel", machine.kernel, "6.1, 6.12, 7.2 or a directory")
        ->capture_default_str();
    command->add_option("--memory", machine.memory, "in MiB")->capture_default_str();
    command->add_option("--agent", machine.agent, "becomes /init; the built agent when not given");
    auto* config =
        command->add_option("--config", arguments->config_file, "becomes /etc/rouse/config.json");
    command->add_option("--workload", arguments->workload, "a shell command to run as workload")
        ->excludes(config);
    command->add_option("--cmdline-extra", machine.command_line, "more kernel command line");
    command->add_option("--file", arguments->files, "SOURCE=DESTINATION[:MODE], may be repeated");
    command->add_option("--network", machine.network,
                        "a network card, as QEMU's -netdev: user, hubport,hubid=0, ...");
    command->add_option(
        "--share", arguments->shares,
        "DIRECTORY=TAG[,9p]: a directory of the host, by virtiofs or 9p; may be repeated");
    command->add_option("--root", machine.root,
                        "go on in this root: a device, LABEL=, UUID=, PARTUUID=, SERIAL=");
    command->add_option("--overlay", machine.overlay,
                        "what is written to the root goes here instead: tmpfs or a device");
    command->add_option("--image", machine.image, "boot this finished initramfs");
    add_common(command, *arguments, machine);
    command->callback([&chosen, arguments] { chosen = [arguments] { return up(*arguments); }; });
}

void add_identity(CLI::App* command, StartArguments& to) {
    command->add_option("--hostname", to.hostname,
                        "tell the guest its host name; auto: the machine's");
    command->add_option("--machine-id", to.machine_id,
                        "tell the guest its machine id, 32 hexadecimal digits; auto: a new one");
    command->add_option("--document", to.document_file,
                        "JSON with more members of the restore document");
    command->add_option("--documents", to.restore.documents,
                        "where another 'rousectl collect' takes restore documents from");
}

void add_restore(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("restore", "start a new machine from a snapshot");
    auto arguments = std::make_shared<StartArguments>();
    command->add_option("FILE", arguments->restore.snapshot, "what 'snapshot' wrote")->required();
    command->add_option("NAME", arguments->restore.name, "its name")->capture_default_str();
    add_common(command, *arguments, arguments->restore);
    add_identity(command, *arguments);
    command->callback([&chosen, arguments] {
        chosen = [arguments] { return restore(*arguments, {arguments->restore.name}); };
    });
}

void add_clone(CLI::App& app, Command& chosen) {
    CLI::App* command = app.add_subcommand("clone", "start many machines from one snapshot");
    auto arguments = std::make_shared<StartArguments>();
    arguments->restore.name = "clone";
    command->add_option("FILE", arguments->restore.snapshot, "what 'snapshot' wrote")->required();
    command->add_option("N", arguments->clones, "how many")->required()->check(CLI::Range(1, 64));
    command->add_option("--name", arguments->restore.name, "names them NAME-1, NAME-2, ...")
        ->capture_default_str();
    add_common(command, *arguments, arguments->restore);
    add_identity(command, *arguments);
    command->callback([&chosen, arguments] {
        chosen = [arguments] { return restore(*arguments, clone_names(*arguments)); };
    });
}

} // namespace

void add_start_commands(CLI::App& app, Command& chosen) {
    add_up(app, chosen);
    add_restore(app, chosen);
    add_clone(app, chosen);
}

} // namespace rouse::lab::cli
