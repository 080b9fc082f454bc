#include "agent/files/extract.hpp"

#include "agent/files/member_path.hpp"
#include "agent/files/tree.hpp"
#include "agent/sys/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::files {

namespace {

using sys::UniqueFd;

constexpr std::size_t written_at_once = 64 * 1024;

/// A directory whose mode and time are set when nothing more is put into it.
struct LaterDirectory {
    std::string path;
    TarEntry entry;
    dev_t device = 0;
    ino_t inode = 0;
};

Failure failed(const TarEntry& entry, const sys::error_code& error) {
    return {entry.name, error};
}

class Extraction {
public:
    Extraction(const Destination& destination, TarReader& reader, const OnWarning& warn)
        : tree_(destination.root.get(), destination.within), renamer_(destination), reader_(reader),
          warn_(warn) {}

    Outcome<Tally> run();

private:
    Outcome<> unpack_all();
    Outcome<> unpack(const TarEntry& entry);
    Outcome<> put_directory(const Spot& spot, const std::string& path, const TarEntry& entry);
    Outcome<> put_other(const Spot& spot, const TarEntry& entry);
    Outcome<> make_other(int directory, const std::string& name, const TarEntry& entry);
    Outcome<> make_file(int directory, const std::string& name, const TarEntry& entry);
    Outcome<> make_hard_link(int directory, const std::string& name, const TarEntry& entry);
    Outcome<> write_data(int fd, const TarEntry& entry);
    Outcome<> write_extent(int fd, const Extent& extent, const TarEntry& entry);
    void complete_directories();

    Tree tree_;
    Renamer renamer_;
    TarReader& reader_;
    const OnWarning& warn_;
    Tally tally_;
    std::vector<LaterDirectory> later_;
    std::vector<char> buffer_ = std::vector<char>(written_at_once);
};

Outcome<Tally> Extraction::run() {
    const Outcome<> done = unpack_all();
    complete_directories();
    if (!done) return done.error();
    return tally_;
}

Outcome<> Extraction::unpack_all() {
    for (;;) {
        const proto::Parsed<std::optional<TarEntry>> next = reader_.next();
        if (!next) return Failure(next.error());
        if (!*next) return {};
        if (const Outcome<> unpacked = unpack(**next); !unpacked) return unpacked;
        ++tally_.entries;
    }
}

Outcome<> Extraction::unpack(const TarEntry& entry) {
    const Outcome<std::string> path = renamer_.place(entry);
    if (!path) return path.error();
    if (entry.type == EntryType::device)
        return Failure("bad_archive", entry.name, "a device node is not made");
    // The root itself is there, and is the caller's.
    if (path->empty() && entry.type == EntryType::directory) return {};
    if (path->empty()) return Failure("bad_archive", entry.name, "it has the root's own name");
    const Outcome<Spot> spot = tree_.spot(*path, entry.name);
    if (!spot) return spot.error();
    return entry.type == EntryType::directory ? put_directory(*spot, *path, entry)
                                              : put_other(*spot, entry);
}

Outcome<> Extraction::put_directory(const Spot& spot, const std::string& path,
                                    const TarEntry& entry) {
    // Nobody else enters it before its mode is known.
    const bool is_new = ::mkdirat(spot.directory.get(), spot.leaf.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return failed(entry, sys::last_error());
    const sys::Result<UniqueFd> directory = sys::open_within(
        spot.directory.get(), spot.leaf, O_PATH | O_DIRECTORY | O_NOFOLLOW, sys::Within::no_links);
    if (!directory && (directory.error() == sys::error_from(ENOTDIR) ||
                       directory.error() == sys::error_from(ELOOP)))
        return Failure("conflict", entry.name,
                       "a directory cannot take the place of something else");
    if (!directory) return failed(entry, directory.error());
    struct stat status {};
    if (::fstat(directory->get(), &status) != 0) return failed(entry, sys::last_error());
    later_.push_back(
        {.path = path, .entry = entry, .device = status.st_dev, .inode = status.st_ino});
    return {};
}

Outcome<> Extraction::put_other(const Spot& spot, const TarEntry& entry) {
    const sys::Result<Occupant> there = occupant(spot);
    if (!there) return failed(entry, there.error());
    if (*there == Occupant::directory)
        return Failure("conflict", entry.name, "it cannot take the place of a directory");
    sys::Result<std::string> name = unused_name();
    if (!name) return failed(entry, name.error());
    Newborn newborn(spot.directory.get(), std::move(*name));
    if (const Outcome<> made = make_other(spot.directory.get(), newborn.name(), entry); !made)
        return made;
    if (const sys::Result<> put = newborn.put(spot.leaf); !put) return failed(entry, put.error());
    return {};
}

Outcome<> Extraction::make_other(int directory, const std::string& name, const TarEntry& entry) {
    if (entry.type == EntryType::file) return make_file(directory, name, entry);
    if (entry.type == EntryType::hard_link) return make_hard_link(directory, name, entry);
    const int made = entry.type == EntryType::symlink
                         ? ::symlinkat(entry.link.c_str(), directory, name.c_str())
                         : ::mkfifoat(directory, name.c_str(), 0600);
    if (made != 0) return failed(entry, sys::last_error());
    const sys::Result<UniqueFd> fd =
        sys::open_within(directory, name, O_PATH | O_NOFOLLOW, sys::Within::beneath);
    if (!fd) return failed(entry, fd.error());
    if (const sys::Result<> set = set_attributes(fd->get(), entry); !set)
        return failed(entry, set.error());
    return {};
}

Outcome<> Extraction::make_hard_link(int directory, const std::string& name,
                                     const TarEntry& entry) {
    const Outcome<std::string> target = renamer_.link_target(entry);
    if (!target) return target.error();
    const sys::Result<UniqueFd> file = tree_.file(*target);
    if (!file)
        return Failure(file.error() == sys::error_from(EXDEV) ? "bad_archive" : "conflict",
                       entry.name,
                       fmt::format("it links to \"{}\": {}", entry.link, file.error().message()));
    // Through the descriptor: it is that very file, and not what has its name by now.
    const std::string path = sys::descriptor_path(file->get());
    if (::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return failed(entry, sys::last_error());
    return {};
}

Outcome<> Extraction::make_file(int directory, const std::string& name, const TarEntry& entry) {
    const sys::Result<UniqueFd> fd = sys::open_within(
        directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, sys::Within::no_links, 0600);
    if (!fd) return failed(entry, fd.error());
    if (const Outcome<> written = write_data(fd->get(), entry); !written) return written;
    if (const sys::Result<> set = set_attributes(fd->get(), entry); !set)
        return failed(entry, set.error());
    return {};
}

Outcome<> Extraction::write_data(int fd, const TarEntry& entry) {
    if (!entry.data) return write_extent(fd, {.offset = 0, .length = entry.size}, entry);
    for (const Extent& extent : *entry.data)
        if (const Outcome<> written = write_extent(fd, extent, entry); !written) return written;
    // The last hole.
    if (::ftruncate(fd, static_cast<off_t>(entry.size)) != 0)
        return failed(entry, sys::last_error());
    return {};
}

Outcome<> Extraction::write_extent(int fd, const Extent& extent, const TarEntry& entry) {
    std::uint64_t done = 0;
    while (done < extent.length) {
        const std::span<char> room(buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                                       buffer_.size(), extent.length - done)));
        const proto::Parsed<std::size_t> count = reader_.read(room);
        if (!count) return Failure(count.error());
        for (std::size_t at = 0; at < *count;) {
            const auto offset = static_cast<off_t>(extent.offset + done + at);
            const ssize_t written = ::pwrite(fd, room.data() + at, *count - at, offset);
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return failed(entry, sys::last_error());
            at += static_cast<std::size_t>(written);
        }
        done += *count;
        tally_.bytes += *count;
    }
    return {};
}

/// Those inside come before those around them, whose time they would change.
void Extraction::complete_directories() {
    for (const LaterDirectory& later : std::views::reverse(later_)) {
        const sys::Result<UniqueFd> directory = tree_.directory(later.path);
        struct stat status {};
        const bool same = directory && ::fstat(directory->get(), &status) == 0 &&
                          status.st_dev == later.device && status.st_ino == later.inode;
        if (!same) {
            warn_(later.entry.name, "somebody moved it away: its mode and time are not set");
            continue;
        }
        if (const sys::Result<> set = set_attributes(directory->get(), later.entry); !set)
            warn_(later.entry.name,
                  fmt::format("its mode or time cannot be set: {}", set.error().message()));
    }
}

} // namespace

Outcome<Tally> extract(const Destination& destination, TarReader& reader, const OnWarning& warn) {
    return Extraction(destination, reader, warn).run();
}

} // namespace rouse::files
