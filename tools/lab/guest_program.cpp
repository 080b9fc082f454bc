#include "tools/lab/guest_program.hpp"

#include "initramfs/command.hpp"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace rouse::lab {
namespace {

/// The path in "NAME => PATH (ADDRESS)" or "PATH (ADDRESS)"; empty where there is none.
std::string path_in(const std::string& line) {
    const auto begin = line.find('/');
    if (begin == std::string::npos) return {};
    return line.substr(begin, line.rfind(" (0x") - begin);
}

} // namespace

std::vector<std::filesystem::path> parse_libraries(const std::string& ldd_output) {
    std::vector<std::filesystem::path> libraries;
    std::istringstream lines(ldd_output);
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with("not found"))
            throw std::runtime_error(fmt::format("a library is missing: '{}'", line));
        if (std::string path = path_in(line); !path.empty()) libraries.emplace_back(path);
    }
    return libraries;
}

std::vector<initramfs::ExtraFile> guest_program(const std::filesystem::path& program,
                                                const std::string& destination) {
    std::vector<initramfs::ExtraFile> files{
        {.source = program, .destination = destination, .mode = 0755}};
    const std::string needs = initramfs::command_output({"ldd", program.string()});
    for (const auto& library : parse_libraries(needs))
        files.push_back(
            {.source = library, .destination = library.relative_path().string(), .mode = 0755});
    return files;
}

} // namespace rouse::lab
