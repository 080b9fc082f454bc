#include "tools/benchmark/libraries.hpp"

#include "proto/text.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace rouse::bench {
namespace {

/// The path in "NAME => PATH (ADDRESS)" or "PATH (ADDRESS)"; empty where there is none.
std::string_view path_in(std::string_view line) {
    const auto begin = line.find('/');
    if (begin == std::string_view::npos) return {};
    return line.substr(begin, line.rfind(" (0x") - begin);
}

} // namespace

std::vector<std::filesystem::path> parse_libraries(std::string_view ldd_output) {
    std::vector<std::filesystem::path> libraries;
    while (!ldd_output.empty()) {
        const std::string_view line = proto::split_off(ldd_output, '\n');
        if (line.ends_with("not found"))
            throw std::runtime_error(fmt::format("a library is missing: '{}'", line));
        if (const auto path = path_in(line); !path.empty()) libraries.emplace_back(path);
    }
    return libraries;
}

} // namespace rouse::bench
