#include "tools/host/directory_lock.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace rouse::host {
namespace {

/// "by process 123", or "by somebody" when the file does not say by whom (yet).
std::string holder(int file) {
    constexpr std::size_t longest_number = 20;
    const auto content = read_at(file, 0, longest_number);
    const std::string number = content ? content->substr(0, content->find('\n')) : std::string();
    return number.empty() ? "by somebody" : "by process " + number;
}

} // namespace

Outcome<DirectoryLock> DirectoryLock::take(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return Failure(fmt::format("cannot make '{}': {}", directory.string(), error.message()));
    const std::filesystem::path path = directory / file_name;
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode));
    if (!file.valid()) return file_failure("open", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return file_failure("lock", path);
        return Failure(fmt::format("'{}' is written by another collector already: {} is locked {}",
                                   directory.string(), file_name, holder(file.get())));
    }
    // Who cannot be named has the lock all the same.
    if (::ftruncate(file.get(), 0) == 0)
        (void)write_all(file.get(), fmt::format("{}\n", ::getpid()));
    return DirectoryLock(std::move(file));
}

} // namespace rouse::host
