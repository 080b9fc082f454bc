// nested -- COMMAND: runs a command of this machine where KVM and vhost-vsock exist.
#include "tools/command_words.hpp"
#include "tools/lab/cli/commands.hpp"
#include "tools/lab/cli/keeper.hpp"
#include "tools/lab/cli/signals.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/nested.hpp"
#include "tools/lab/places.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

namespace rouse::lab::cli {
namespace {

/// Tells a failure of the lab from a failure of the command, which has the lower numbers.
constexpr int lab_failure = 125;

struct NestedArguments {
    NestedOptions options;
    std::string writable;
    unsigned limit_seconds = 600;
};

/// What the command gets to know of our environment: what concerns this project, and the terminal's
/// language. Folders of ours that the outer VM does not have are replaced.
std::vector<std::pair<std::string, std::string>> nested_environment() {
    std::vector<std::pair<std::string, std::string>> result{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", "/tmp"},
        {"ROUSE_CACHE", std::filesystem::absolute(cache_folder()).string()},
        {"ROUSE_LAB_NESTED", "1"}};
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const bool ours = name.starts_with("ROUSE_") && name != "ROUSE_CACHE" &&
                          name != "ROUSE_LAB_DIR" && name != "ROUSE_LAB_NESTED";
        if (equals != std::string_view::npos && (ours || name == "LANG" || name == "LC_ALL"))
            result.emplace_back(name, text.substr(equals + 1));
    }
    return result;
}

int run(NestedArguments& arguments) {
    NestedOptions& options = arguments.options;
    options.limit = std::chrono::seconds(arguments.limit_seconds);
    options.command.environment = nested_environment();
    options.command.directory = std::filesystem::current_path();
    options.command.visible = {options.command.directory, std::filesystem::absolute(cache_folder()),
                               build_product("."), source_root()};
    if (!arguments.writable.empty())
        options.command.writable = std::filesystem::canonical(arguments.writable);
    fetch({"l1", "vsock"});
    const SignalGuard signals;
    options.interrupt = signals.descriptor();
    try {
        const NestedResult result = run_nested(options);
        if (result.end == NestedEnd::interrupted) throw Interrupted{signals.take()};
        return result.status;
    } catch (const LabError& error) {
        fmt::print(stderr, "rouse-lab: {}\n", error.what());
        return lab_failure;
    }
}

} // namespace

void add_nested_command(CLI::App& app, Command& chosen) {
    CLI::App* command =
        app.add_subcommand("nested", "run a command in a VM that has KVM and vhost-vsock");
    auto arguments = std::make_shared<NestedArguments>();
    command->add_option("COMMAND", arguments->options.command.argv, "after --")->required();
    command
        ->add_option("--timeout", arguments->limit_seconds,
                     "seconds for the command; booting has a limit of its own")
        ->capture_default_str();
    command->add_option("--memory", arguments->options.memory, "in MiB")->capture_default_str();
    command->add_option("--cpus", arguments->options.processors)->capture_default_str();
    command->add_option("--rw", arguments->writable,
                        "a directory that the command may write to, under the same path");
    command->callback([&chosen, arguments] {
        arguments->options.command.argv = command_words(arguments->options.command.argv);
        chosen = [arguments] { return run(*arguments); };
    });
}

} // namespace rouse::lab::cli
