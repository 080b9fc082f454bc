#include "agent/files/create.hpp"

#include "agent/files/file_data.hpp"
#include "agent/sys/beneath.hpp"
#include "agent/sys/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace rouse::files {

namespace {

using sys::UniqueFd;

struct CloseDirectory {
    void operator()(DIR* directory) const { (void)::closedir(directory); } // nothing was written
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

/// A directory that is being walked through.
struct Level {
    OpenDirectory directory;
    std::string name; ///< in the archive
    dev_t device = 0;
};

/// Whether a file system is made up by the kernel: its files have no size that means anything, and
/// reading some of them has effects.
bool is_kernels_own(int fd) {
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) return false;
    constexpr auto kinds = std::to_array<std::uint64_t>(
        {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
         TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC, BINFMTFS_MAGIC,
         EFIVARFS_MAGIC, NSFS_MAGIC, PSTOREFS_MAGIC});
    return std::ranges::find(kinds, static_cast<std::uint64_t>(status.f_type)) != kinds.end();
}

EntryType type_of_mode(mode_t mode) {
    if (S_ISREG(mode)) return EntryType::file;
    if (S_ISDIR(mode)) return EntryType::directory;
    if (S_ISLNK(mode)) return EntryType::symlink;
    return S_ISFIFO(mode) ? EntryType::fifo : EntryType::device;
}

TarEntry describe(const std::string& name, const struct stat& status) {
    TarEntry entry;
    entry.name = name;
    entry.type = type_of_mode(status.st_mode);
    entry.mode = status.st_mode & 07777U;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.mtime = {.seconds = status.st_mtim.tv_sec,
                   .nanoseconds = static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
    if (entry.type == EntryType::file) entry.size = static_cast<std::uint64_t>(status.st_size);
    return entry;
}

sys::Result<std::string> read_link(int fd, const struct stat& status) {
    // A link may say that it is empty and not be (proc); a longer one than a path can be is none.
    std::string target(static_cast<std::size_t>(std::max<off_t>(status.st_size, 4096)) + 1, '\0');
    const ssize_t size = ::readlinkat(fd, "", target.data(), target.size());
    if (size < 0) return sys::last_error();
    target.resize(static_cast<std::size_t>(size));
    return target;
}

/// Walks depth first, with one open descriptor for each level and no recursion.
class Walk {
public:
    Walk(TarWriter& writer, const OnWarning& warn) : writer_(writer), warn_(warn) {}

    Outcome<Tally> run(const Source& source);

private:
    enum class First { yes, no };

    Outcome<> add(int directory, const std::string& leaf, const std::string& name, First first);
    Outcome<> add_node(const UniqueFd& fd, const struct stat& status, TarEntry entry);
    Outcome<> add_file(const UniqueFd& fd, const struct stat& status, TarEntry entry);
    Outcome<> add_directory(const UniqueFd& fd, const struct stat& status, TarEntry entry);
    Outcome<> write(const TarEntry& entry);
    Outcome<> step();
    /// Whether the file went into the archive before under another name, which is stored.
    bool seen(const struct stat& status, TarEntry& entry);

    TarWriter& writer_;
    const OnWarning& warn_;
    Tally tally_;
    std::vector<Level> levels_;
    std::map<std::pair<dev_t, ino_t>, std::string> names_; ///< of files with several
};

Outcome<Tally> Walk::run(const Source& source) {
    if (const Outcome<> added = add(source.directory.get(), source.leaf, source.name, First::yes);
        !added)
        return added.error();
    while (!levels_.empty())
        if (const Outcome<> stepped = step(); !stepped) return stepped.error();
    if (const sys::Result<> finished = writer_.finish(); !finished)
        return Failure(source.name, finished.error());
    return tally_;
}

Outcome<> Walk::step() {
    Level& level = levels_.back();
    errno = 0;
    // The stream is ours alone, so that readdir(3) is safe.
    const dirent* const found = ::readdir(level.directory.get());
    if (found == nullptr && errno != 0) return Failure(level.name, sys::last_error());
    if (found == nullptr) {
        levels_.pop_back();
        return {};
    }
    const std::string leaf(&found->d_name[0]);
    if (!is_leaf(leaf)) return {}; // "." and ".."
    const std::string name = fmt::format("{}/{}", level.name, leaf);
    return add(::dirfd(level.directory.get()), leaf, name, First::no);
}

Outcome<> Walk::add(int directory, const std::string& leaf, const std::string& name, First first) {
    // Only its place is opened: opening a fifo waits, and opening a device may have effects.
    const sys::Result<UniqueFd> fd =
        sys::open_within(directory, leaf, O_PATH | O_NOFOLLOW, sys::Within::beneath);
    struct stat status {};
    if (fd && ::fstat(fd->get(), &status) != 0) return Failure(name, sys::last_error());
    if (fd) {
        TarEntry entry = describe(name, status);
        if (entry.type != EntryType::device) return add_node(*fd, status, std::move(entry));
        const std::string what = S_ISSOCK(status.st_mode) ? "a socket" : "a device";
        if (first == First::yes) return Failure("conflict", name, fmt::format("it is {}", what));
        warn_(name, fmt::format("{} is left out", what));
        return {};
    }
    if (fd.error() == sys::error_from(ENOENT) && first == First::no) {
        warn_(name, "it vanished before it was read");
        return {};
    }
    return Failure(name, fd.error());
}

Outcome<> Walk::add_node(const UniqueFd& fd, const struct stat& status, TarEntry entry) {
    if (entry.type == EntryType::directory) return add_directory(fd, status, std::move(entry));
    if (seen(status, entry)) return write(entry);
    if (entry.type == EntryType::file) return add_file(fd, status, std::move(entry));
    if (entry.type == EntryType::symlink) {
        sys::Result<std::string> target = read_link(fd.get(), status);
        if (!target) return Failure(entry.name, target.error());
        entry.link = std::move(*target);
    }
    return write(entry);
}

bool Walk::seen(const struct stat& status, TarEntry& entry) {
    if (status.st_nlink < 2) return false;
    const auto [place, is_new] =
        names_.emplace(std::pair(status.st_dev, status.st_ino), entry.name);
    if (is_new) return false;
    entry.type = EntryType::hard_link;
    entry.link = place->second;
    entry.size = 0;
    return true;
}

Outcome<> Walk::add_file(const UniqueFd& fd, const struct stat& status, TarEntry entry) {
    // The very file that was looked at, whatever has its name by now.
    const sys::Result<UniqueFd> data =
        sys::open_file(sys::descriptor_path(fd.get()), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!data) return Failure(entry.name, data.error());
    entry.data = find_data(data->get(), status);
    if (const Outcome<> written = write(entry); !written) return written;
    tally_.bytes += stored_bytes(entry);
    const Outcome<Change> copied = copy_data(data->get(), entry, writer_);
    if (!copied) return copied.error();
    if (*copied == Change::shrank)
        warn_(entry.name, "it shrank while it was read: zeros take the place of what is missing");
    if (*copied == Change::grew)
        warn_(entry.name, "it grew while it was read: what came later is left out");
    return {};
}

Outcome<> Walk::add_directory(const UniqueFd& fd, const struct stat& status, TarEntry entry) {
    sys::Result<UniqueFd> opened =
        sys::open_within(fd.get(), ".", O_RDONLY | O_DIRECTORY, sys::Within::no_links);
    if (!opened) return Failure(entry.name, opened.error());
    if (const Outcome<> written = write(entry); !written) return written;
    const bool crossed = !levels_.empty() && levels_.back().device != status.st_dev;
    if (crossed && is_kernels_own(opened->get())) {
        warn_(entry.name, "the contents of a file system of the kernel are left out");
        return {};
    }
    OpenDirectory directory(::fdopendir(opened->get()));
    if (!directory) return Failure(entry.name, sys::last_error());
    (void)opened->release(); // The stream owns it now.
    levels_.push_back({.directory = std::move(directory),
                       .name = std::move(entry.name),
                       .device = status.st_dev});
    return {};
}

Outcome<> Walk::write(const TarEntry& entry) {
    if (const sys::Result<> begun = writer_.begin(entry); !begun)
        return Failure(entry.name, begun.error());
    ++tally_.entries;
    return {};
}

} // namespace

Outcome<Tally> create(const Source& source, TarWriter& writer, const OnWarning& warn) {
    return Walk(writer, warn).run(source);
}

} // namespace rouse::files
