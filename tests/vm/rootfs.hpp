// Root file systems for guests, on disks that a test may write to.
#pragma once

#include "tests/support/temporary_directory.hpp"
#include "tests/vm/guest.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace rouse::test {

/// Runs a program of the host; the test fails when it fails.
void run_tool(std::vector<std::string> argv);

/// Disk images in a directory of their own.
class DiskShelf {
public:
    /// A Debian with rouse baked into it: `config` is its configuration. Label "debian".
    [[nodiscard]] std::filesystem::path debian(const std::string& config = {}) const;
    /// The same as an image of a file system that is never written to: "erofs" or "squashfs".
    [[nodiscard]] std::filesystem::path debian_packed(const std::string& type) const;
    /// A directory with a busybox and rouse baked into it.
    [[nodiscard]] std::filesystem::path busybox_tree(const std::string& config) const;
    /// The same on an ext4 disk, with the label "busybox".
    [[nodiscard]] std::filesystem::path busybox(const std::string& config) const;
    /// An empty ext4 file system of 64 MiB with this label.
    [[nodiscard]] std::filesystem::path empty(const std::string& label) const;
    /// A swap area of 64 MiB with this label.
    [[nodiscard]] std::filesystem::path swap(const std::string& label) const;
    /// A disk whose first partition is `image`, with the partition uuid "20260101-01".
    [[nodiscard]] std::filesystem::path partitioned(const std::filesystem::path& image) const;
    [[nodiscard]] std::filesystem::path path(const std::string& name) const {
        return folder_.path() / name;
    }

private:
    TemporaryDirectory folder_;
};

/// Tells PID 1 to end the machine, and waits for that.
void shut_down(Guest& guest);

/// The contents of a file in an ext4 image; empty without it.
[[nodiscard]] std::string read_from_image(const std::filesystem::path& image,
                                          const std::string& file);

/// Checks that nobody has to repair the image: it was unmounted, or read-only, at the end.
void check_clean(const std::filesystem::path& image);

} // namespace rouse::test
