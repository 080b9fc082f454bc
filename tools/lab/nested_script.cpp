#include "tools/lab/nested_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rouse::lab {
namespace {

constexpr std::string_view prologue = R"(#!/bin/busybox sh
# The init of the outer VM: see tools/lab/nested_script.cpp.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /keep /host
mount -t devpts -o newinstance,ptmxmode=0666,gid=5,mode=620 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
mount -t cgroup2 cgroup2 /sys/fs/cgroup
fail() { echo "failed: $*" >/dev/vport0p3; poweroff -f; }
while read -r module; do insmod "$module" || echo "cannot load $module"; done </etc/rouse/modules
ip link set lo up
)";

/// Directories that a tmpfs hides, but that must stay visible, are put aside first and bound back.
std::vector<std::filesystem::path> kept(const NestedCommand& command) {
    std::vector<std::filesystem::path> result;
    for (const auto& path : command.visible)
        for (const auto& hidden : hidden_directories()) {
            const auto inside = path.lexically_relative(hidden);
            if (!inside.empty() && *inside.begin() != "..") result.push_back(path);
        }
    return result;
}

std::string mount_share(std::string_view tag, const std::string& where, std::string_view options) {
    return fmt::format("mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,{} {} {} || "
                       "fail cannot mount the share {}\n",
                       options, tag, where, tag);
}

std::string mount_script(const NestedCommand& command) {
    std::string script = mount_share(root_tag, "/host", "ro,cache=loose");
    const auto aside = kept(command);
    for (std::size_t number = 0; number < aside.size(); ++number)
        script += fmt::format("mkdir /keep/{0} && mount --bind {1} /keep/{0}\n", number,
                              shell_word("/host" + aside[number].string()));
    script +=
        "for directory in dev proc sys; do mount --rbind /$directory /host/$directory; done\n";
    for (const auto& hidden : hidden_directories())
        script += fmt::format("mount -t tmpfs -o mode=1777 tmpfs /host{}\n", hidden.string());
    for (std::size_t number = 0; number < aside.size(); ++number)
        script += fmt::format("mkdir -p {1} && mount --bind /keep/{0} {1}\n", number,
                              shell_word("/host" + aside[number].string()));
    if (!command.writable.empty()) {
        const std::string where = shell_word("/host" + command.writable.string());
        script += fmt::format("mkdir -p {} 2>/dev/null\n", where);
        script += mount_share(writable_tag, where, "cache=none");
    }
    return script;
}

/// Starts the command with exactly its own environment and returns to the script with its status.
std::string run_script(const NestedCommand& command) {
    std::string words;
    for (const auto& [name, value] : command.environment)
        words += " " + shell_word(fmt::format("{}={}", name, value));
    // The inner shell only changes the directory: chroot has no option for it.
    words += R"( /bin/sh -c 'cd "$0" && exec "$@"' )" + shell_word(command.directory.string());
    for (const auto& argument : command.argv)
        words += " " + shell_word(argument);
    return fmt::format("echo ready >/dev/vport0p{2}\n"
                       "chroot /host /usr/bin/env -i{3} </dev/null >/dev/vport0p{0} "
                       "2>/dev/vport0p{1}\n"
                       "echo \"exit $?\" >/dev/vport0p{2}\n"
                       "poweroff -f\n",
                       static_cast<int>(NestedPort::standard_output),
                       static_cast<int>(NestedPort::standard_error),
                       static_cast<int>(NestedPort::status), words);
}

} // namespace

const std::vector<std::filesystem::path>& hidden_directories() {
    static const std::vector<std::filesystem::path> directories{"/tmp", "/run", "/var/tmp"};
    return directories;
}

std::string shell_word(std::string_view text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'')
            word += R"('\'')";
        else
            word.push_back(c);
    }
    return word + "'";
}

std::string nested_init_script(const NestedCommand& command) {
    return std::string(prologue) + mount_script(command) + run_script(command);
}

} // namespace rouse::lab
