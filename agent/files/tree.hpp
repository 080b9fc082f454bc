#pragma once
// The directory tree that an archive is unpacked into: each of its names is opened beneath the
// root, and files come into being under names of their own.

#include "agent/files/failure.hpp"
#include "agent/files/tar_entry.hpp"
#include "agent/sys/beneath.hpp"
#include "agent/sys/unique_fd.hpp"

#include <string>

#include <sys/types.h>

namespace rouse::files {

/// A directory that is open, and a name in it.
struct Spot {
    sys::UniqueFd directory;
    std::string leaf;
};

enum class Occupant { nothing, directory, other };

/// A file under a name that nobody knows; removed again unless it was put in its place.
class Newborn {
public:
    Newborn(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
    Newborn(Newborn&& other) noexcept;
    Newborn& operator=(Newborn&&) = delete;
    Newborn(const Newborn&) = delete;
    Newborn& operator=(const Newborn&) = delete;
    ~Newborn();

    [[nodiscard]] const std::string& name() const { return name_; }
    /// Renames it to `leaf` of the same directory, whatever file is there.
    sys::Result<> put(const std::string& leaf);

private:
    int directory_;    ///< borrowed
    std::string name_; ///< empty once it has its place
};

class Tree {
public:
    /// Borrows the root.
    Tree(int root, sys::Within within) : root_(root), within_(within) {}

    /// The directory around `path` (not empty), which is made where it is missing.
    /// Errors: "bad_archive" when a link leads outside, with `name` as the member.
    [[nodiscard]] Outcome<Spot> spot(const std::string& path, const std::string& name) const;
    /// The place of a directory, opened with O_PATH; "" is the root. Links in the last part are not
    /// followed.
    [[nodiscard]] sys::Result<sys::UniqueFd> directory(const std::string& path) const;
    /// The place of a file, opened with O_PATH; links in the last part are not followed.
    [[nodiscard]] sys::Result<sys::UniqueFd> file(const std::string& path) const;

private:
    [[nodiscard]] sys::Result<sys::UniqueFd> make_directories(const std::string& path) const;

    int root_;
    sys::Within within_;
};

/// What has the name. Errors: those of fstatat(2), but ENOENT.
sys::Result<Occupant> occupant(const Spot& spot);

/// A name that is not in use. Errors: those of getrandom(2).
sys::Result<std::string> unused_name();

/// Sets owner (as root), mode and time of an open file, in the order that keeps setuid bits.
/// `fd` may have been opened with O_PATH.
sys::Result<> set_attributes(int fd, const TarEntry& entry);

} // namespace rouse::files
