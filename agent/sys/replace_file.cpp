#include "agent/sys/replace_file.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/mount.hpp"

#include <array>
#include <climits>
#include <cstdio>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

/// What the umask takes from the mode is given back.
Result<> write_new(const std::string& path, const std::string& contents, mode_t mode) {
    const Result<UniqueFd> file =
        open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (!file) return file.error();
    if (const Result<> written = write_all(file->get(), contents); !written) return written;
    if (::fchmod(file->get(), mode) < 0) return last_error();
    return {};
}

/// Longer contents of before are cut off last: who reads meanwhile finds both, not nothing.
Result<> write_in_place(const std::string& path, const std::string& contents) {
    const Result<UniqueFd> file = open_file(path, O_WRONLY);
    if (!file) return file.error();
    if (const Result<> written = write_all(file->get(), contents); !written) return written;
    if (::ftruncate(file->get(), static_cast<off_t>(contents.size())) < 0) return last_error();
    return {};
}

Result<Replaced> cover(const std::string& path, const std::string& contents, mode_t mode,
                       const std::string& covers) {
    const std::string file = covers + path.substr(path.rfind('/'));
    if (const Result<> made = make_directories(covers, 0755); !made) return made.error();
    if (const Result<> written = write_new(file, contents, mode); !written) return written.error();
    const Result<> mounted =
        mount({.source = file, .target = path, .type = "none", .flags = MS_BIND, .data = {}});
    if (!mounted) return mounted.error();
    return Replaced::covered;
}

/// A link may lead out of what is read-only to a file that a program of the guest would make. The
/// error of before, where there is no link.
Result<Replaced> write_behind_link(const std::string& path, const std::string& contents,
                                   mode_t mode) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t size = ::readlink(path.c_str(), buffer.data(), buffer.size());
    if (size <= 0) return error_from(ENOENT);
    std::string target(buffer.data(), static_cast<std::size_t>(size));
    if (!target.starts_with('/')) target.insert(0, directory_of(path) + "/");
    if (const Result<> made = make_directories(directory_of(target), 0755); !made)
        return made.error();
    if (const Result<> written = write_new(target, contents, mode); !written)
        return written.error();
    return Replaced::written;
}

Result<> rename_over(const std::string& path, const std::string& contents, mode_t mode,
                     const std::stop_token& stop) {
    const std::string fresh = path + ".rouse-new";
    Result<> written = write_new(fresh, contents, mode);
    if (written && stop.stop_requested()) written = error_from(ECANCELED);
    if (written && std::rename(fresh.c_str(), path.c_str()) < 0) written = last_error();
    // After a rename there is nothing to remove; what is left of a failure can be overwritten.
    (void)::unlink(fresh.c_str());
    return written;
}

} // namespace

Result<Replaced> replace_file(const std::string& path, const std::string& contents, mode_t mode,
                              const std::stop_token& stop, const std::string& covers) {
    namespace errc = boost::system::errc;
    Result<> renamed = rename_over(path, contents, mode, stop);
    if (!renamed && renamed.error() == errc::no_such_file_or_directory &&
        make_directory(directory_of(path), 0755))
        renamed = rename_over(path, contents, mode, stop);
    if (renamed) return Replaced::renamed;
    const bool is_mount = renamed.error() == errc::device_or_resource_busy;
    if (!is_mount && renamed.error() != errc::read_only_file_system) return renamed.error();
    if (stop.stop_requested()) return error_from(ECANCELED);
    // Also on a file system that is read-only: what covers the file is not.
    const Result<> written = write_in_place(path, contents);
    if (written) return Replaced::written;
    if (!is_mount && written.error() == errc::no_such_file_or_directory)
        return write_behind_link(path, contents, mode);
    if (is_mount || written.error() != errc::read_only_file_system) return written.error();
    return cover(path, contents, mode, covers);
}

} // namespace rouse::sys
