#include "agent/boot/modules.hpp"

#include "agent/sys/module.hpp"
#include "agent/sys/proc.hpp"

#include <algorithm>

namespace rouse::boot {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    text = text.substr(0, text.find('#'));
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const std::size_t last = text.find_last_not_of(blanks);
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Step load(const std::string& path) {
    const sys::Result<sys::ModuleOutcome> done = sys::load_module(path);
    Step step{
        .name = "module " + base_name(path), .ok = done.has_value(), .fatal = false, .message = ""};
    if (!done)
        // The kernel's words for it would be "no such file" even when the file is there.
        step.message = path + ": " + done.error().message() +
                       (done.error() == sys::error_from(ENOENT) ? " (or a symbol it needs)" : "");
    else if (*done == sys::ModuleOutcome::was_loaded)
        step.message = "was loaded already";
    return step;
}

} // namespace

std::vector<std::string> parse_module_list(std::string_view text) {
    std::vector<std::string> paths;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        paths.push_back(line.front() == '/' ? std::string(line) : "/" + std::string(line));
    }
    return paths;
}

Report load_modules(const std::string& file) {
    Report report;
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text && text.error() == sys::error_from(ENOENT)) return report;
    if (!text) {
        report.add("read " + file, text.error());
        return report;
    }
    for (const std::string& path : parse_module_list(*text))
        report.add(load(path));
    return report;
}

} // namespace rouse::boot
