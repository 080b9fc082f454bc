#include "agent/boot/load_config.hpp"

#include "agent/sys/proc.hpp"

namespace rouse::boot {

namespace {

void take_problems(const proto::Problems& problems, const std::string& source,
                   LoadedConfig& loaded) {
    for (const proto::Problem& problem : problems.errors)
        loaded.errors.push_back(source + ": " + problem.message());
    for (const proto::Problem& problem : problems.unknown)
        loaded.warnings.push_back(source + ": " + problem.message());
}

void read_file_on_top(const std::string& file, LoadedConfig& loaded) {
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text) {
        if (text.error() != sys::error_from(ENOENT))
            loaded.errors.push_back(file + ": " + text.error().message());
        return;
    }
    proto::ReadConfig read = proto::read_config(*text);
    take_problems(read.problems, file, loaded);
    if (read.problems.errors.empty()) loaded.config = std::move(read.config);
}

} // namespace

LoadedConfig load_config(const std::string& file, std::string_view command_line) {
    LoadedConfig loaded;
    read_file_on_top(file, loaded);
    proto::ReadConfig read = proto::read_kernel_command_line(command_line, loaded.config);
    take_problems(read.problems, "kernel command line", loaded);
    loaded.config = std::move(read.config);
    return loaded;
}

} // namespace rouse::boot
