#pragma once
// Keeps two collectors out of one directory: their files would hold each byte twice.

#include "tools/host/async.hpp"
#include "tools/host/descriptor.hpp"

#include <filesystem>

namespace rouse::host {

/// An exclusive lock (flock(2)) on DIRECTORY/collect.lock, which names the process that has it. The
/// kernel gives it back when that ends, however it ends; the file stays.
class DirectoryLock {
public:
    static constexpr const char* file_name = "collect.lock";

    /// Locks nothing.
    DirectoryLock() = default;

    /// Makes the directory where there is none. Never waits: fails with the directory and the
    /// holder's process id when somebody else has it.
    [[nodiscard]] static Outcome<DirectoryLock> take(const std::filesystem::path& directory);

private:
    explicit DirectoryLock(Descriptor file) : file_(std::move(file)) {}

    Descriptor file_;
};

} // namespace rouse::host
