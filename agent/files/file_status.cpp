#include "agent/files/file_status.hpp"

#include "proto/text.hpp"

#include <array>
#include <climits>
#include <cstdint>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

namespace rouse::files {

namespace {

std::string_view type_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symlink";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    default:
        return "device";
    }
}

} // namespace

Outcome<boost::json::object> file_status(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return Failure(path, sys::last_error());
    struct stat target = status;
    const bool is_link = S_ISLNK(status.st_mode);
    const bool leads = !is_link || ::stat(path.c_str(), &target) == 0;
    constexpr std::int64_t second = 1'000'000'000;
    boost::json::object document{
        {"type", type_name(status.st_mode)},
        {"mode", status.st_mode & 07777U},
        {"size", status.st_size},
        {"mtime_ns", status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec},
        {"uid", status.st_uid},
        {"gid", status.st_gid},
        {"link", nullptr},
        {"directory", leads && S_ISDIR(target.st_mode)}};
    if (!is_link) return document;
    std::array<char, PATH_MAX> text{};
    const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
    if (size < 0) return Failure(path, sys::last_error());
    document["link"] = proto::as_utf8({text.data(), static_cast<std::size_t>(size)});
    return document;
}

} // namespace rouse::files
