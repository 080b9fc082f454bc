// kernel list, kernel fetch.
#include "initramfs/modules.hpp"
#include "tools/lab/cli/commands.hpp"
#include "tools/lab/places.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace rouse::lab::cli {
namespace {

int list_kernels() {
    for (const auto& name : kernel_names()) {
        const auto folder = kernel_folder(name);
        if (std::filesystem::exists(folder / "vmlinuz"))
            fmt::print("{:<6} {:<28} {}\n", name, initramfs::Kernel(folder).version(),
                       folder.string());
        else
            fmt::print("{:<6} {:<28} 'rouse-lab kernel fetch {}'\n", name, "not fetched", name);
    }
    return 0;
}

} // namespace

void add_kernel_commands(CLI::App& app, Command& chosen) {
    CLI::App* kernel = app.add_subcommand("kernel", "the store of guest kernels");
    kernel->require_subcommand(1);
    kernel->add_subcommand("list", "what the store holds")->callback([&chosen] {
        chosen = list_kernels;
    });
    CLI::App* fetching = kernel->add_subcommand("fetch", "fetch what is missing");
    auto names = std::make_shared<std::vector<std::string>>();
    fetching->add_option("NAME", *names, "6.1, 6.12, 7.2, l1 (outer VM of the nested rig)")
        ->default_str("6.1 6.12 7.2");
    fetching->callback([&chosen, names] {
        if (names->empty()) *names = {"6.1", "6.12", "7.2"};
        chosen = [names] {
            fetch(*names);
            return list_kernels();
        };
    });
}

} // namespace rouse::lab::cli
