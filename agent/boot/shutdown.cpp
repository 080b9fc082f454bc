#include "agent/boot/shutdown.hpp"

#include "agent/boot/root.hpp"
#include "agent/sys/swap.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <thread>

#include <poll.h>
#include <unistd.h>

namespace rouse::boot {

namespace {

constexpr std::chrono::seconds reset_after(5);

constexpr std::array<std::string_view, 22> volatile_types{
    "autofs",   "binfmt_misc", "bpf",       "cgroup", "cgroup2", "configfs",  "debugfs", "devpts",
    "devtmpfs", "fusectl",     "hugetlbfs", "mqueue", "nsfs",    "proc",      "pstore",  "ramfs",
    "rootfs",   "securityfs",  "sysfs",     "tmpfs",  "tracefs", "rpc_pipefs"};

bool persistent(const sys::Mount& mount) {
    return std::find(volatile_types.begin(), volatile_types.end(), mount.type) ==
           volatile_types.end();
}

sys::PowerAction other(sys::PowerAction action) {
    return action == sys::PowerAction::power_off ? sys::PowerAction::reboot
                                                 : sys::PowerAction::power_off;
}

/// Nothing is polled: only the time passes. The agent's threads block all signals, so none
/// cuts it short.
void wait_for(std::chrono::milliseconds time) {
    (void)::poll(nullptr, 0, static_cast<int>(time.count()));
}

[[noreturn]] void wait_for_ever() {
    for (;;)
        (void)::pause();
}

sys::Result<> power_off() {
    return sys::end_machine(sys::PowerAction::power_off);
}

sys::Result<> reboot() {
    return sys::end_machine(sys::PowerAction::reboot);
}

/// A file system that holds an area cannot be unmounted before.
void switch_swap_off(Report& report) {
    const auto areas = sys::swap_areas();
    if (!areas) return report.add("read /proc/swaps", areas.error());
    for (const sys::SwapArea& area : *areas)
        report.add("swap off " + area.path, sys::swap_off(area.path));
}

sys::Result<> let_go(const sys::Mount& mount) {
    // The overlay holds its file systems through mounts of its own: unmounting what is seen of them
    // would leave the disk open for writing.
    if (mount.target == overlay_upper) (void)sys::remount_read_only(mount.target);
    sys::Result<> done = sys::unmount(mount.target);
    if (!done) done = sys::remount_read_only(mount.target);
    return done;
}

void after(std::chrono::milliseconds time, sys::Result<> (*act)()) {
    std::thread([time, act] {
        wait_for(time);
        (void)act(); // there is nothing left to try
    }).detach();
}

} // namespace

std::vector<sys::Mount> persistent_mounts(const std::vector<sys::Mount>& mounted) {
    std::vector<sys::Mount> found;
    std::copy_if(mounted.rbegin(), mounted.rend(), std::back_inserter(found), &persistent);
    return found;
}

Report unmount_all() {
    Report report;
    sys::sync_all();
    report.add("sync", {});
    switch_swap_off(report);
    const auto mounted = sys::current_mounts();
    if (!mounted) {
        report.add("read /proc/self/mounts", mounted.error());
        return report;
    }
    for (const sys::Mount& mount : persistent_mounts(*mounted)) {
        report.add("unmount " + mount.target, let_go(mount));
    }
    return report;
}

sys::Result<> arm_last_resort(std::chrono::milliseconds deadline, sys::PowerAction action) {
    try {
        after(deadline, action == sys::PowerAction::power_off ? &power_off : &reboot);
        after(deadline + reset_after, &sys::end_machine_at_once);
    } catch (const std::system_error& error) {
        return sys::error_from(error.code().value());
    }
    return {};
}

void end_machine(sys::PowerAction action) {
    (void)sys::end_machine(action);
    (void)sys::end_machine(other(action));
    wait_for_ever();
}

} // namespace rouse::boot
