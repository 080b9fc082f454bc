#include "tests/vm/lab_support.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/places.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace rouse::test {

pid_t leading_pid(std::string_view text) {
    pid_t pid = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), pid); // 0 stays without a number
    return pid;
}
ShellGuest::ShellGuest(const std::string& body) {
    initramfs::write_file(init(), "#!/bin/busybox sh\n"
                                  "export PATH=/bin\n"
                                  "mount -t proc proc /proc\n"
                                  "mount -t devtmpfs dev /dev\n"
                                  "while read -r m; do insmod \"$m\"; done </etc/rouse/modules\n"
                                  "echo 'rouse: READY'\n" +
                                      body + "\n");
}

lab::MachineOptions ShellGuest::options() const {
    lab::MachineOptions options;
    options.agent = init();
    options.ready = lab::Ready::console;
    return options;
}

std::vector<std::string> LabCommand::argv(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), lab::build_product("tools/rouse-lab").string());
    return arguments;
}

Environment LabCommand::environment() const {
    return {{"ROUSE_LAB_DIR", folder().string()}};
}

lab::Process LabCommand::start(std::vector<std::string> arguments) const {
    return lab::Process::start({.argv = argv(std::move(arguments)),
                                .log = output_.path() / "log",
                                .environment = environment()});
}

Said LabCommand::run(std::vector<std::string> arguments) const {
    return run_command(argv(std::move(arguments)), std::chrono::minutes(1), environment());
}

std::vector<std::string> LabCommand::left_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
        names.push_back(entry.path().filename().string());
    return names;
}

std::vector<pid_t> LabCommand::left_processes() const {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        try {
            if (initramfs::read_file(entry.path() / "cmdline").find(folder().string()) !=
                std::string::npos)
                found.push_back(leading_pid(name));
        } catch (const std::runtime_error&) {
            continue; // it ended while we looked
        }
    }
    return found;
}

} // namespace rouse::test
