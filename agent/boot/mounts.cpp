#include "agent/boot/mounts.hpp"

#include <algorithm>
#include <array>

#include <sys/mount.h>
#include <sys/stat.h>

namespace rouse::boot {

namespace {

constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr unsigned long shared_files = MS_NOSUID | MS_NODEV;

MountEntry entry(const char* type, const char* target, unsigned long flags, const char* data,
                 mode_t mode = 0755) {
    return {.mount = {.source = type, .target = target, .type = type, .flags = flags, .data = data},
            .directory_mode = mode,
            .need = Need::wanted};
}

MountEntry required(MountEntry made) {
    made.need = Need::required;
    return made;
}

MountEntry optional(MountEntry made) {
    made.need = Need::optional;
    return made;
}

/// Mounted below `target` as far as /proc can tell, so that /tmp of a root file system that has one
/// mounted is not covered a second time: the kernel refuses only the very same source.
bool is_mounted(const std::vector<sys::Mount>& mounted, const std::string& target) {
    return std::any_of(mounted.begin(), mounted.end(),
                       [&](const sys::Mount& one) { return one.target == target; });
}

sys::Result<> mount_entry(const MountEntry& wanted, const std::vector<sys::Mount>& mounted) {
    if (is_mounted(mounted, wanted.mount.target)) return {};
    // An error here is told by the mount, which then has no target.
    (void)sys::make_directory(wanted.mount.target, wanted.directory_mode);
    const sys::Result<> done = sys::mount(wanted.mount);
    if (!done && done.error() == sys::error_from(EBUSY)) return {};
    return done;
}

} // namespace

std::span<const MountEntry> mount_table() {
    static const std::array table{
        required(entry("proc", "/proc", plain, "")),
        entry("sysfs", "/sys", plain, ""),
        required(entry("devtmpfs", "/dev", MS_NOSUID, "mode=0755")),
        entry("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,gid=5,mode=620"),
        entry("tmpfs", "/dev/shm", shared_files, "mode=1777", 01777),
        entry("mqueue", "/dev/mqueue", plain, ""),
        entry("tmpfs", "/run", shared_files, "mode=0755"),
        entry("tmpfs", "/tmp", shared_files, "mode=1777", 01777),
        entry("tmpfs", "/run/lock", plain, "mode=1777,size=5m", 01777),
        entry("cgroup2", "/sys/fs/cgroup", plain, "nsdelegate"),
        optional(entry("securityfs", "/sys/kernel/security", plain, "")),
        optional(entry("tracefs", "/sys/kernel/tracing", plain, "mode=0700")),
        optional(entry("bpf", "/sys/fs/bpf", plain, "mode=0700")),
        optional(entry("hugetlbfs", "/dev/hugepages", shared_files, "")),
    };
    return table;
}

std::span<const LinkEntry> link_table() {
    static const std::array table{
        LinkEntry{.path = "/dev/fd", .target = "/proc/self/fd"},
        LinkEntry{.path = "/dev/stdin", .target = "/proc/self/fd/0"},
        LinkEntry{.path = "/dev/stdout", .target = "/proc/self/fd/1"},
        LinkEntry{.path = "/dev/stderr", .target = "/proc/self/fd/2"},
        LinkEntry{.path = "/dev/ptmx", .target = "pts/ptmx"},
    };
    return table;
}

Report mount_all() {
    // What we make has the mode we ask for; the kernel starts us with 022.
    const mode_t before = ::umask(0);
    Report report;
    // What others have mounted: an error before /proc itself is there, which is the first.
    sys::Result<std::vector<sys::Mount>> mounted = sys::error_from(ENOENT);
    for (const MountEntry& wanted : mount_table()) {
        if (!mounted) mounted = sys::current_mounts();
        const sys::Result<> done =
            mount_entry(wanted, mounted ? *mounted : std::vector<sys::Mount>());
        if (!done && wanted.need == Need::optional) continue;
        report.add({.name = "mount " + wanted.mount.target,
                    .ok = done.has_value(),
                    .fatal = wanted.need == Need::required,
                    .message = done ? "" : done.error().message()});
    }
    for (const LinkEntry& link : link_table())
        report.add("link " + link.path, sys::make_symlink(link.target, link.path));
    (void)::umask(before);
    return report;
}

} // namespace rouse::boot
