// Which kernel modules a guest loads, in which order, and their bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::initramfs {

/// A kernel of the store: a directory with `vmlinuz`, `version`, `config` and
/// `lib/modules/VERSION`, as tools/lab/fetch-kernel makes it.
class Kernel {
public:
    /// Reads DIRECTORY/version. Errors: std::runtime_error when that file is missing or empty.
    explicit Kernel(std::filesystem::path directory);

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    [[nodiscard]] const std::string& version() const { return version_; }

    /// The files to load so that `module` works, dependencies first; empty when it is built in.
    /// Errors: std::runtime_error when the kernel has no such module.
    /// Source: modprobe(8), --show-depends.
    [[nodiscard]] std::vector<std::filesystem::path> load_order(const std::string& module) const;

    /// Whether there is such a module, as a file or built in.
    [[nodiscard]] bool has(std::string_view module) const;

private:
    [[nodiscard]] bool is_built_in(std::string_view module) const;

    std::filesystem::path directory_;
    std::string version_;
};

/// The files that modprobe --show-depends names, in order: its "insmod PATH [OPTIONS]" lines.
/// "builtin NAME" lines name nothing.
[[nodiscard]] std::vector<std::filesystem::path> parse_show_depends(std::string_view text);

/// The bytes of a module, unpacked when the file ends in .xz or .zst.
/// Errors: std::runtime_error when the file cannot be read or unpacked.
[[nodiscard]] std::string read_module(const std::filesystem::path& file);

/// Where a module lies in the guest: its path below `root`, without the ending of a compressed
/// file.
[[nodiscard]] std::string guest_module_path(const std::filesystem::path& file,
                                            const std::filesystem::path& root);

} // namespace rouse::initramfs
