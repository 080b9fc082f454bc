#include "tools/lab/directory.hpp"

#include "tools/lab/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

// A Unix socket's path has 107 characters; "/v.sock_4001" and the like have to fit as well.
constexpr std::size_t longest_path = 90;

Descriptor lock_of(const std::filesystem::path& path) {
    Descriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.is_open() && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.reset();
    return lock;
}

void remove_dead(const std::filesystem::path& parent) {
    std::error_code ignored; // what cannot be removed now is tried again next time
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
        const Descriptor lock = lock_of(entry.path());
        if (lock.is_open()) std::filesystem::remove_all(entry.path(), ignored);
    }
}

} // namespace

Directory::Directory(std::filesystem::path path, Keep keep) : path_(std::move(path)), keep_(keep) {
    if (path_.native().size() > longest_path)
        throw LabError(fmt::format("'{}' is too long a path for Unix sockets (at most {} "
                                   "characters); set ROUSE_LAB_DIR to a shorter one",
                                   path_.string(), longest_path));
    if (is_held(path_))
        throw LabError(fmt::format("'{}' belongs to a running machine", path_.string()));
    std::error_code error;
    std::filesystem::remove_all(path_, error);
    std::filesystem::create_directories(path_, error);
    lock_ = lock_of(path_);
    if (!lock_.is_open())
        throw LabError(fmt::format("cannot make '{}': {}", path_.string(),
                                   error ? error.message() : errno_text(errno)));
}

Directory Directory::temporary(const std::string& name) {
    const auto parent =
        std::filesystem::temp_directory_path() / fmt::format("rouse-lab-machines-{}", geteuid());
    std::error_code error;
    std::filesystem::create_directories(parent, error);
    remove_dead(parent);
    std::string path = (parent / (name + ".XXXXXX")).string();
    if (mkdtemp(path.data()) == nullptr)
        throw LabError(fmt::format("cannot make '{}': {}", path, errno_text(errno)));
    return Directory(path, Keep::removed);
}

Directory::~Directory() {
    if (!lock_.is_open() || keep_ == Keep::kept) return;
    std::error_code ignored; // the next temporary directory sweeps what is left
    std::filesystem::remove_all(path_, ignored);
}

bool is_held(const std::filesystem::path& path) {
    const Descriptor lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return lock.is_open() && flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

} // namespace rouse::lab
