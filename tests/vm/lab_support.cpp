#include "tests/vm/lab_support.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/places.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

#include <fcntl.h>

namespace rouse::test {

pid_t leading_pid(std::string_view text) {
    pid_t pid = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), pid); // 0 stays without a number
    return pid;
}
namespace {

constexpr auto command_limit = std::chrono::minutes(1);

} // namespace

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

lab::ProcessOptions LabCommand::prepare(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), lab::build_product("tools/rouse-lab").string());
    lab::ProcessOptions options;
    options.argv = std::move(arguments);
    options.environment = {{"ROUSE_LAB_DIR", folder().string()}};
    return options;
}

lab::Process LabCommand::start(std::vector<std::string> arguments) const {
    lab::ProcessOptions options = prepare(std::move(arguments));
    options.log = output_.path() / "log";
    return lab::Process::start(options);
}

Said LabCommand::run(std::vector<std::string> arguments) const {
    const auto output = output_.path() / "stdout";
    const auto error = output_.path() / "stderr";
    const auto create = [](const std::filesystem::path& file) {
        return lab::Descriptor(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    };
    lab::ProcessOptions options = prepare(std::move(arguments));
    const lab::Descriptor output_file = create(output);
    const lab::Descriptor error_file = create(error);
    options.standard_output = output_file.get();
    options.standard_error = error_file.get();
    lab::Process process = lab::Process::start(options);
    const auto status = process.wait(lab::Deadline(command_limit));
    if (!status) throw std::runtime_error("rouse-lab does not end");
    return {.status = status->shell_code(),
            .output = initramfs::read_file(output),
            .error = initramfs::read_file(error)};
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
