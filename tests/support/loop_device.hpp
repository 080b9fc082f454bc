#pragma once
// Disks made of files, for tests that need block devices of the machine they run on.

#include "tools/lab/descriptor.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace rouse::test {

/// A file of `bytes` bytes that takes no room until it is written to.
void make_sparse_file(const std::filesystem::path& file, std::uint64_t bytes);

/// A loop device that stands for a file until it is destroyed. The test skips where there is none
/// to be had, which takes root.
class LoopDevice {
public:
    /// Attaches `image`.
    explicit LoopDevice(const std::filesystem::path& image);
    ~LoopDevice();
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    LoopDevice(LoopDevice&&) = delete;
    LoopDevice& operator=(LoopDevice&&) = delete;

    /// Such as "/dev/loop3".
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    lab::Descriptor device_;
};

} // namespace rouse::test
