#pragma once
// Kernel modules by name: which files a name stands for, and in which order they are loaded.

#include "agent/boot/report.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::boot {

/// The modules of one kernel, as depmod(8) writes them down. A value.
class ModuleIndex {
public:
    ModuleIndex() = default;
    /// `dependencies` is the text of modules.dep, `built_in` that of modules.builtin; `directory`
    /// is where the files are. Source: modules.dep(5).
    ModuleIndex(std::string directory, std::string_view dependencies, std::string_view built_in);

    /// Of the kernel that runs: /lib/modules/RELEASE or /usr/lib/modules/RELEASE; empty where there
    /// is none.
    static ModuleIndex of_this_kernel();

    /// The files to load for a module, what it depends on first; empty when it is built in. '-' and
    /// '_' are the same in a name. Nothing when the kernel has no such module.
    [[nodiscard]] std::optional<std::vector<std::string>> load_order(std::string_view name) const;

private:
    std::string directory_;
    /// By name: the file, then what it depends on, as the line has them.
    std::map<std::string, std::vector<std::string>, std::less<>> modules_;
    std::map<std::string, bool, std::less<>> built_in_;
};

/// Loads the module `name` and what it depends on; one step for each file, or one that says that
/// there is no such module.
Report load_module(const ModuleIndex& index, const std::string& name);

/// Loads one module file.
Step load_module_file(const std::string& path);

} // namespace rouse::boot
