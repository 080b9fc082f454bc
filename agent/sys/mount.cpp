#include "agent/sys/mount.hpp"

#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <algorithm>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

constexpr std::size_t mounts_limit = 16 * 1024 * 1024;

Result<> outcome(int returned) {
    if (returned < 0) return last_error();
    return {};
}

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

} // namespace

Result<> mount(const Mount& what) {
    return outcome(::mount(what.source.c_str(), what.target.c_str(), what.type.c_str(), what.flags,
                           what.data.c_str()));
}

Result<> unmount(const std::string& target) {
    return outcome(::umount2(target.c_str(), UMOUNT_NOFOLLOW));
}

Result<> remount_read_only(const std::string& target) {
    return outcome(::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr));
}

Result<std::vector<Mount>> current_mounts() {
    const Result<std::string> text = read_file("/proc/self/mounts", mounts_limit);
    if (!text) return text.error();
    return parse_mounts(*text);
}

std::string unescape_mount_field(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 3 >= text.size() || !is_octal(text[i + 1]) ||
            !is_octal(text[i + 2]) || !is_octal(text[i + 3])) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                   (text[i + 3] - '0'));
        i += 3;
    }
    return plain;
}

std::vector<Mount> parse_mounts(std::string_view text) {
    std::vector<Mount> mounts;
    while (!text.empty()) {
        std::string_view line = proto::split_off(text, '\n');
        Mount entry;
        entry.source = unescape_mount_field(proto::split_off(line, ' '));
        entry.target = unescape_mount_field(proto::split_off(line, ' '));
        entry.type = unescape_mount_field(proto::split_off(line, ' '));
        if (!entry.type.empty()) mounts.push_back(std::move(entry));
    }
    return mounts;
}

Result<> make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    return last_error();
}

Result<> make_directories(const std::string& path, mode_t mode) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        if (const Result<> made = make_directory(path.substr(0, end), mode); !made) return made;
        if (end == std::string::npos) return {};
    }
}

Result<> make_symlink(const std::string& target, const std::string& path) {
    if (::symlink(target.c_str(), path.c_str()) == 0 || errno == EEXIST) return {};
    return last_error();
}

void sync_all() {
    ::sync();
}

} // namespace rouse::sys
