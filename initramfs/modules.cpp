#include "initramfs/modules.hpp"

#include "initramfs/command.hpp"
#include "initramfs/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace rouse::initramfs {
namespace {

/// The file name of a module without its directory and ending, with '_' for '-': the form in which
/// the kernel compares names.
std::string module_name(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
    std::string name(path.substr(0, path.find('.')));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return result;
}

} // namespace

Kernel::Kernel(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::istringstream text(read_file(directory_ / "version"));
    text >> version_;
    if (version_.empty())
        throw std::runtime_error(fmt::format("'{}' is empty", (directory_ / "version").string()));
}

std::vector<std::filesystem::path> Kernel::load_order(const std::string& module) const {
    if (is_built_in(module)) return {};
    return parse_show_depends(command_output(
        {"modprobe", "-d", directory_.string(), "-S", version_, "--show-depends", module}));
}

bool Kernel::has(std::string_view module) const {
    if (is_built_in(module)) return true;
    std::istringstream lines(read_file(directory_ / "lib/modules" / version_ / "modules.dep"));
    for (std::string line; std::getline(lines, line);)
        if (module_name(std::string_view(line).substr(0, line.find(':'))) == module_name(module))
            return true;
    return false;
}

bool Kernel::is_built_in(std::string_view module) const {
    const auto list = directory_ / "lib/modules" / version_ / "modules.builtin";
    if (std::filesystem::exists(list)) {
        std::istringstream lines(read_file(list));
        for (std::string line; std::getline(lines, line);)
            if (module_name(line) == module_name(module)) return true;
        return false;
    }
    // Some packages come without that list; the configuration then tells, for the modules that are
    // named like their option.
    if (!std::filesystem::exists(directory_ / "config")) return false;
    const std::string option = fmt::format("\nCONFIG_{}=y\n", upper(module_name(module)));
    return read_file(directory_ / "config").find(option) != std::string::npos;
}

std::vector<std::filesystem::path> parse_show_depends(std::string_view text) {
    std::vector<std::filesystem::path> files;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string verb;
        std::string file;
        if (words >> verb >> file && verb == "insmod") files.emplace_back(file);
    }
    return files;
}

std::string read_module(const std::filesystem::path& file) {
    if (file.extension() == ".xz") return command_output({"xz", "-dc", file.string()});
    if (file.extension() == ".zst") return command_output({"zstd", "-dcq", file.string()});
    return read_file(file);
}

std::string guest_module_path(const std::filesystem::path& file,
                              const std::filesystem::path& root) {
    std::filesystem::path inside = file.lexically_relative(root);
    if (inside.extension() != ".ko") inside.replace_extension();
    return "/" + inside.string();
}

} // namespace rouse::initramfs
