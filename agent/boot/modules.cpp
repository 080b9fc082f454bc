#include "agent/boot/modules.hpp"

#include "agent/boot/module_index.hpp"
#include "agent/sys/proc.hpp"

#include <algorithm>
#include <optional>

namespace rouse::boot {

namespace {

constexpr std::string_view line_blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    text = text.substr(0, text.find('#'));
    text.remove_prefix(std::min(text.find_first_not_of(line_blanks), text.size()));
    const std::size_t last = text.find_last_not_of(line_blanks);
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

bool is_path(std::string_view text) {
    return text.find('/') != std::string_view::npos || text.ends_with(".ko");
}

} // namespace

std::vector<std::string> parse_module_list(std::string_view text) {
    std::vector<std::string> modules;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        const bool relative = is_path(line) && line.front() != '/';
        modules.push_back(relative ? "/" + std::string(line) : std::string(line));
    }
    return modules;
}

Report load_modules(const std::string& file) {
    Report report;
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text && text.error() == sys::error_from(ENOENT)) return report;
    if (!text) {
        report.add("read " + file, text.error());
        return report;
    }
    std::optional<ModuleIndex> index; // read only when a name needs it
    for (const std::string& module : parse_module_list(*text)) {
        if (is_path(module)) {
            report.add(load_module_file(module));
            continue;
        }
        if (!index) index = ModuleIndex::of_this_kernel();
        report.append(load_module(*index, module));
    }
    return report;
}

} // namespace rouse::boot
