#include "agent/boot/module_index.hpp"

#include "agent/sys/machine.hpp"
#include "agent/sys/module.hpp"
#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <algorithm>
#include <iterator>

namespace rouse::boot {

namespace {

/// All modules of a distribution's kernel make a file of half a megabyte.
constexpr std::size_t index_limit = 16 * 1024 * 1024;

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

/// The form in which the kernel compares names.
std::string module_name(std::string_view path) {
    path = base_name(path);
    std::string name(path.substr(0, path.find('.')));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string index_text(const std::string& file) {
    const sys::Result<std::string> text = sys::read_file(file, index_limit);
    return text ? *text : "";
}

} // namespace

ModuleIndex::ModuleIndex(std::string directory, std::string_view dependencies,
                         std::string_view built_in)
    : directory_(std::move(directory)) {
    while (!dependencies.empty()) {
        std::string_view line = proto::split_off(dependencies, '\n');
        const std::string_view file = proto::split_off(line, ':');
        if (file.empty()) continue;
        std::vector<std::string>& files = modules_[module_name(file)];
        files.assign(1, std::string(file));
        while (!line.empty()) {
            const std::string_view other = proto::split_off(line, ' ');
            if (!other.empty()) files.emplace_back(other);
        }
    }
    while (!built_in.empty()) {
        const std::string_view file = proto::split_off(built_in, '\n');
        if (!file.empty()) built_in_[module_name(file)] = true;
    }
}

ModuleIndex ModuleIndex::of_this_kernel() {
    for (const char* const top : {"/lib/modules/", "/usr/lib/modules/"}) {
        const std::string directory = top + sys::kernel_release();
        const std::string dependencies = index_text(directory + "/modules.dep");
        if (!dependencies.empty())
            return {directory, dependencies, index_text(directory + "/modules.builtin")};
    }
    return {};
}

std::optional<std::vector<std::string>> ModuleIndex::load_order(std::string_view name) const {
    const std::string wanted = module_name(name);
    if (built_in_.contains(wanted)) return std::vector<std::string>();
    const auto found = modules_.find(wanted);
    if (found == modules_.end()) return std::nullopt;
    std::vector<std::string> order;
    // What a module needs stands behind it, so the last of the line is the first to load.
    std::transform(found->second.rbegin(), found->second.rend(), std::back_inserter(order),
                   [this](const std::string& file) {
                       return file.starts_with('/') ? file : directory_ + "/" + file;
                   });
    return order;
}

Step load_module_file(const std::string& path) {
    const sys::Result<sys::ModuleOutcome> done = sys::load_module(path);
    Step step{.name = "module " + std::string(base_name(path)),
              .ok = done.has_value(),
              .fatal = false,
              .message = ""};
    if (!done)
        // The kernel's words for it would be "no such file" even when the file is there.
        step.message = path + ": " + done.error().message() +
                       (done.error() == sys::error_from(ENOENT) ? " (or a symbol it needs)" : "");
    else if (*done == sys::ModuleOutcome::was_loaded)
        step.message = "was loaded already";
    return step;
}

Report load_module(const ModuleIndex& index, const std::string& name) {
    Report report;
    const std::optional<std::vector<std::string>> order = index.load_order(name);
    if (!order) {
        report.add({.name = "module " + name,
                    .ok = false,
                    .fatal = false,
                    .message = "there is no such module for kernel " + sys::kernel_release()});
        return report;
    }
    for (const std::string& file : *order)
        report.add(load_module_file(file));
    return report;
}

} // namespace rouse::boot
