#include "agent/sys/root_switch.hpp"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace rouse::sys {

Result<RootKind> root_kind() {
    struct statfs status {};
    if (::statfs("/", &status) < 0) return last_error();
    const bool memory = status.f_type == RAMFS_MAGIC || status.f_type == TMPFS_MAGIC;
    return memory ? RootKind::memory : RootKind::lasting;
}

Result<> move_mount(const std::string& from, const std::string& to) {
    if (::mount(from.c_str(), to.c_str(), nullptr, MS_MOVE, nullptr) < 0) return last_error();
    return {};
}

Result<> make_root(const std::string& target) {
    // pivot_root(2) cannot leave an initramfs: nothing is below it.
    if (::chdir(target.c_str()) < 0) return last_error();
    if (const Result<> moved = move_mount(".", "/"); !moved) return moved;
    if (::chroot(".") < 0 || ::chdir("/") < 0) return last_error();
    return {};
}

} // namespace rouse::sys
