// A cpio archive in the "newc" format, the one that the kernel unpacks into its root file system at
// boot. Entries are written in the order of their paths with a fixed owner (root) and time (0), so
// the same entries always give the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace rouse::initramfs {

/// Collects entries and writes them as one archive. Paths are relative or absolute; a leading slash
/// is dropped. Missing parent directories are added with mode 0755. A later entry of the same path
/// replaces an earlier one. A value: copies are independent.
class Archive {
public:
    /// Adds a directory with the permission bits `mode`.
    void add_directory(std::string_view path, std::uint32_t mode = 0755);

    /// Adds a regular file with the permission bits `mode`.
    void add_file(std::string_view path, std::string content, std::uint32_t mode = 0644);

    /// Adds a symbolic link that points at `target`, stored as given.
    void add_symlink(std::string_view path, std::string target);

    /// Adds a character device node.
    void add_character_device(std::string_view path, std::uint32_t mode, std::uint32_t major,
                              std::uint32_t minor);

    /// The archive's bytes, with the closing "TRAILER!!!" entry.
    /// Errors: std::length_error for a file of 4 GiB or more, which the format cannot hold.
    /// Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
    [[nodiscard]] std::string serialise() const;

private:
    struct Entry {
        std::uint32_t mode = 0; // file type and permission bits
        std::string content;    // a link's target, a file's bytes
        std::uint32_t major = 0;
        std::uint32_t minor = 0;
    };

    void add(std::string_view path, Entry entry);

    std::map<std::string, Entry, std::less<>> entries_;
};

} // namespace rouse::initramfs
