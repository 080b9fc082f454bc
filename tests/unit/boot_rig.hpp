#pragma once
// Disks made of files, and what of them this thread has mounted.

#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "tests/support/command.hpp"
#include "tests/support/loop_device.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace rouse::test {

/// Runs a program of the host; the test fails when it fails.
inline void run_tool(std::vector<std::string> argv) {
    const Said said = run_command(std::move(argv), std::chrono::seconds(30));
    INFO(said.error);
    REQUIRE(said.status == 0);
}

/// The mount on `path` that this thread sees; nothing when there is none.
inline std::optional<sys::Mount> mount_on(const std::string& path) {
    std::optional<sys::Mount> found;
    for (const sys::Mount& mount :
         sys::parse_mounts(sys::read_file("/proc/thread-self/mounts").value()))
        if (mount.target == path) found = mount;
    return found;
}

inline bool can_write(const std::filesystem::path& directory) {
    std::ofstream file(directory / "written");
    return file.good();
}

/// An ext4 disk with a file on it.
class Disk {
public:
    explicit Disk(const std::string& label)
        : image_(directory_.path() / "image"), device_(make(label)) {}

    [[nodiscard]] const std::string& path() const { return device_.path(); }
    [[nodiscard]] std::string scratch(const std::string& name) const {
        return (directory_.path() / name).string();
    }

private:
    const std::filesystem::path& make(const std::string& label) {
        const std::filesystem::path tree = directory_.path() / "tree";
        std::filesystem::create_directories(tree / "etc");
        std::ofstream(tree / "etc/name") << label << "\n";
        make_sparse_file(image_, std::uint64_t(16) * 1024 * 1024);
        run_tool({"mkfs.ext4", "-q", "-L", label, "-d", tree.string(), image_.string()});
        return image_;
    }

    TemporaryDirectory directory_;
    std::filesystem::path image_;
    LoopDevice device_;
};

} // namespace rouse::test
