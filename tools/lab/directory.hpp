// The directory of one machine, locked by whoever runs it.
#pragma once

#include "tools/lab/descriptor.hpp"

#include <filesystem>
#include <string>

namespace rouse::lab {

/// What happens to the directory when its owner lets go of it.
enum class Keep { removed, kept };

/// Owns a directory and a lock on it. The kernel drops the lock when the owner ends, by whatever
/// cause, so a directory without a lock is a dead machine's.
class Directory {
public:
    /// Makes `path` (a dead machine's remains are removed first) and locks it.
    /// Errors: LabError when another process holds it, or its path is too long for sockets.
    Directory(std::filesystem::path path, Keep keep);

    /// Makes a temporary directory; removes those that dead processes left.
    [[nodiscard]] static Directory temporary(const std::string& name);

    Directory(Directory&&) noexcept = default;
    Directory& operator=(Directory&&) = delete;
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    Keep keep_;
    Descriptor lock_;
};

/// Whether some process holds the lock of the directory `path`; false when it does not exist.
[[nodiscard]] bool is_held(const std::filesystem::path& path);

} // namespace rouse::lab
