// A directory that a test may fill: made under $TMPDIR or /tmp, removed with all its content.
#pragma once

#include <filesystem>

namespace rouse::test {

class TemporaryDirectory {
public:
    /// Makes the directory. Throws std::system_error when the file system refuses.
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    TemporaryDirectory(TemporaryDirectory&&) = delete;
    TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace rouse::test
