#include "agent/sys/empty_directory.hpp"

#include "agent/sys/unique_fd.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

struct CloseReader {
    void operator()(DIR* directory) const { (void)::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseReader>;

/// Takes ownership.
Result<std::vector<std::string>> names_of(OpenDirectory directory) {
    if (!directory) return last_error();
    std::vector<std::string> inside;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") inside.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return last_error();
    return inside;
}

/// A directory to be emptied, or one that has been.
struct Level {
    UniqueFd directory;
    std::string name; ///< in the level above
    std::vector<std::string> left;
};

Result<Level> open_level(int parent, const std::string& name) {
    UniqueFd directory(
        ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory.valid()) return last_error();
    const int copy = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return last_error();
    OpenDirectory reader(::fdopendir(copy));
    if (!reader) (void)::close(copy);
    Result<std::vector<std::string>> inside = names_of(std::move(reader));
    if (!inside) return inside.error();
    return Level{.directory = std::move(directory), .name = name, .left = std::move(*inside)};
}

/// The levels from the top to where we are: no recursion, so that no depth can exhaust the stack.
class Emptier {
public:
    Emptier(Level top, dev_t device) : device_(device) { levels_.push_back(std::move(top)); }

    Result<> run() {
        while (!levels_.empty())
            step();
        return outcome_;
    }

private:
    void step() {
        Level& level = levels_.back();
        if (level.left.empty()) return leave();
        const std::string name = std::move(level.left.back());
        level.left.pop_back();
        struct stat status {};
        if (::fstatat(level.directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
            return note(last_error());
        if (status.st_dev != device_) return;
        if (!S_ISDIR(status.st_mode)) return remove(level.directory.get(), name, 0);
        Result<Level> below = open_level(level.directory.get(), name);
        if (!below) return note(below.error());
        levels_.push_back(std::move(*below));
    }

    void leave() {
        const std::string name = levels_.back().name;
        levels_.pop_back();
        if (!levels_.empty()) remove(levels_.back().directory.get(), name, AT_REMOVEDIR);
    }

    void remove(int parent, const std::string& name, int flags) {
        // A directory that holds a mount point is not empty, or busy: it stays.
        if (::unlinkat(parent, name.c_str(), flags) == 0 || errno == EBUSY || errno == ENOTEMPTY)
            return;
        note(last_error());
    }

    void note(error_code error) {
        if (outcome_) outcome_ = error;
    }

    dev_t device_;
    std::vector<Level> levels_;
    Result<> outcome_;
};

} // namespace

Result<> empty_directory(int directory) {
    struct stat status {};
    if (::fstat(directory, &status) < 0) return last_error();
    Result<Level> top = open_level(directory, ".");
    if (!top) return top.error();
    return Emptier(std::move(*top), status.st_dev).run();
}

} // namespace rouse::sys
