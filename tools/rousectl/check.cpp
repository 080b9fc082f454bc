// rousectl check: looks at a configuration before a guest does.
#include "proto/config.hpp"
#include "proto/kernel_command_line.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

namespace rouse::ctl {
namespace {

struct CheckOptions {
    std::string file;
    std::string command_line;
};

/// Nothing when it cannot be read, which is said.
std::optional<std::string> text_of(const std::string& file) {
    const bool from_stdin = file == "-";
    std::ifstream stream;
    if (!from_stdin) stream.open(file);
    std::istream& in = from_stdin ? std::cin : stream;
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.good() || in.eof()) return text;
    complain(fmt::format("cannot read '{}'", file));
    return std::nullopt;
}

/// Says everything that is wrong with it; how many errors.
std::size_t tell(const std::string& source, const proto::Problems& problems) {
    std::string text;
    for (const proto::Problem& problem : problems.errors)
        text += fmt::format("{}: error: {}\n", source, problem.message());
    for (const proto::Problem& problem : problems.unknown)
        text += fmt::format("{}: warning: {}\n", source, problem.message());
    (void)print(1, text); // a reader that has gone wants no more
    return problems.errors.size();
}

int check(const CheckOptions& options) {
    const std::optional<std::string> text = text_of(options.file);
    if (!text) return own_error;
    const proto::ReadConfig read = proto::read_config(*text);
    std::size_t errors = tell(options.file, read.problems);
    if (!options.command_line.empty()) {
        const proto::ReadConfig line =
            proto::read_kernel_command_line(options.command_line, read.config);
        errors += tell("kernel command line", line.problems);
    }
    return errors == 0 ? 0 : 1;
}

} // namespace

void add_check(CLI::App& app, Command& chosen) {
    auto options = std::make_shared<CheckOptions>();
    CLI::App* command = app.add_subcommand(
        "check", "Says what is wrong with a configuration, without a virtual machine.");
    command
        ->add_option(
            "FILE", options->file,
            "/etc/rouse/config.json of a guest, or an OCI image's configuration; - is stdin")
        ->required();
    command->add_option("--command-line", options->command_line,
                        "Kernel command line whose rouse.* keys are looked at, too");
    command->callback([options, &chosen] { chosen = [options] { return check(*options); }; });
}

} // namespace rouse::ctl
