#include "agent/files/tree.hpp"

#include "agent/sys/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::files {

namespace {

constexpr int open_place = O_PATH | O_DIRECTORY;

/// A failure to come to the place of the member `name`.
Failure on_the_way(const std::string& name, const sys::error_code& error) {
    if (error == sys::error_from(EXDEV))
        return {"bad_archive", name, "a symbolic link on its way leads outside"};
    if (error == sys::error_from(ENOTDIR))
        return {"conflict", name, "something on its way is no directory"};
    return {name, error};
}

} // namespace

Newborn::Newborn(Newborn&& other) noexcept
    : directory_(other.directory_), name_(std::exchange(other.name_, {})) {}

Newborn::~Newborn() {
    if (!name_.empty()) (void)::unlinkat(directory_, name_.c_str(), 0); // It may never have been.
}

sys::Result<> Newborn::put(const std::string& leaf) {
    if (::renameat(directory_, name_.c_str(), directory_, leaf.c_str()) != 0)
        return sys::last_error();
    // Two names of one file are left as they are by rename(2); otherwise this one is gone.
    (void)::unlinkat(directory_, name_.c_str(), 0);
    name_.clear();
    return {};
}

Outcome<Spot> Tree::spot(const std::string& path, const std::string& name) const {
    const std::size_t slash = path.rfind('/');
    const std::string around = slash == std::string::npos ? "." : path.substr(0, slash);
    sys::Result<sys::UniqueFd> directory = sys::open_within(root_, around, open_place, within_);
    if (!directory && directory.error() == sys::error_from(ENOENT))
        directory = make_directories(around);
    if (!directory) return on_the_way(name, directory.error());
    return Spot{.directory = std::move(*directory),
                .leaf = path.substr(slash == std::string::npos ? 0 : slash + 1)};
}

sys::Result<sys::UniqueFd> Tree::make_directories(const std::string& path) const {
    sys::Result<sys::UniqueFd> directory = sys::open_within(root_, ".", open_place, within_);
    std::size_t begin = 0;
    while (directory && begin < path.size()) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        if (::mkdirat(directory->get(), part.c_str(), 0755) != 0 && errno != EEXIST)
            return sys::last_error();
        // From the root on, so that links that are there already stay beneath it.
        directory = sys::open_within(root_, path.substr(0, end), open_place, within_);
        begin = end + 1;
    }
    return directory;
}

sys::Result<sys::UniqueFd> Tree::directory(const std::string& path) const {
    const int flags = open_place | O_NOFOLLOW;
    return sys::open_within(root_, path.empty() ? "." : path, flags, within_);
}

sys::Result<sys::UniqueFd> Tree::file(const std::string& path) const {
    return sys::open_within(root_, path.empty() ? "." : path, O_PATH | O_NOFOLLOW, within_);
}

sys::Result<Occupant> occupant(const Spot& spot) {
    struct stat status {};
    if (::fstatat(spot.directory.get(), spot.leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISDIR(status.st_mode) ? Occupant::directory : Occupant::other;
    if (errno == ENOENT) return Occupant::nothing;
    return sys::last_error();
}

sys::Result<std::string> unused_name() {
    std::array<std::uint8_t, 8> bytes{};
    if (const sys::Result<> filled = sys::fill_random(bytes); !filled) return filled.error();
    std::string name = ".rouse-";
    for (const std::uint8_t byte : bytes)
        name += fmt::format("{:02x}", byte);
    return name;
}

sys::Result<> set_attributes(int fd, const TarEntry& entry) {
    const std::string path = sys::descriptor_path(fd);
    // Only root may give a file away; for anybody else it is their own, as for tar(1).
    if (::geteuid() == 0 && ::fchownat(fd, "", entry.uid, entry.gid, AT_EMPTY_PATH) != 0)
        return sys::last_error();
    const bool is_link = entry.type == EntryType::symlink;
    // After the owner: chown(2) takes setuid bits away. A link has no mode.
    if (!is_link && ::fchmodat(AT_FDCWD, path.c_str(), entry.mode, 0) != 0)
        return sys::last_error();
    const timespec mtime{.tv_sec = entry.mtime.seconds,
                         .tv_nsec = static_cast<long>(entry.mtime.nanoseconds)};
    const std::array<timespec, 2> times{timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, mtime};
    const int changed = is_link ? ::utimensat(fd, "", times.data(), AT_EMPTY_PATH)
                                : ::utimensat(AT_FDCWD, path.c_str(), times.data(), 0);
    if (changed != 0) return sys::last_error();
    return {};
}

} // namespace rouse::files
