#include "initramfs/cpio.hpp"

#include <fmt/format.h>

#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>

namespace rouse::initramfs {
namespace {

struct Header {
    std::uint32_t inode = 0;
    std::uint32_t mode = 0;
    std::uint32_t links = 1;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
};

void pad(std::string& out) {
    while (out.size() % 4 != 0)
        out.push_back('\0');
}

void append_entry(std::string& out, const Header& header, std::string_view name,
                  std::string_view content) {
    if (content.size() > std::numeric_limits<std::uint32_t>::max())
        throw std::length_error(fmt::format("'{}' is too large for a cpio archive", name));
    // magic, inode, mode, uid, gid, links, mtime, size, device major and minor, rdevice major and
    // minor, name size with its final zero, checksum (unused in this variant).
    fmt::format_to(std::back_inserter(out),
                   "070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}"
                   "{:08X}",
                   header.inode, header.mode, 0, 0, header.links, 0, content.size(), 0, 0,
                   header.major, header.minor, name.size() + 1, 0);
    out.append(name);
    out.push_back('\0');
    pad(out);
    out.append(content);
    pad(out);
}

std::string_view without_leading_slash(std::string_view path) {
    while (path.starts_with('/'))
        path.remove_prefix(1);
    return path;
}

} // namespace

void Archive::add_directory(std::string_view path, std::uint32_t mode) {
    add(path, {.mode = S_IFDIR | mode, .content = {}});
}

void Archive::add_file(std::string_view path, std::string content, std::uint32_t mode) {
    add(path, {.mode = S_IFREG | mode, .content = std::move(content)});
}

void Archive::add_symlink(std::string_view path, std::string target) {
    add(path, {.mode = S_IFLNK | 0777U, .content = std::move(target)});
}

void Archive::add_character_device(std::string_view path, std::uint32_t mode, std::uint32_t major,
                                   std::uint32_t minor) {
    add(path, {.mode = S_IFCHR | mode, .content = {}, .major = major, .minor = minor});
}

void Archive::add(std::string_view path, Entry entry) {
    const std::string name(without_leading_slash(path));
    // The kernel makes no parent directories: a file whose directory is missing is silently lost.
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        entries_.try_emplace(name.substr(0, slash), Entry{.mode = S_IFDIR | 0755U, .content = {}});
    entries_.insert_or_assign(name, std::move(entry));
}

std::string Archive::serialise() const {
    std::string out;
    std::uint32_t inode = 1;
    for (const auto& [name, entry] : entries_) {
        const Header header{.inode = inode++,
                            .mode = entry.mode,
                            .links = S_ISDIR(entry.mode) ? 2U : 1U,
                            .major = entry.major,
                            .minor = entry.minor};
        append_entry(out, header, name, entry.content);
    }
    append_entry(out, Header{}, "TRAILER!!!", {});
    return out;
}

} // namespace rouse::initramfs
