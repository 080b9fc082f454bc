#include "agent/boot/shutdown.hpp"

#include "agent/boot/root.hpp"
#include "agent/sys/swap.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
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

/// What the thread that unmounts and the one that waits for it share; the first may outlive the
/// second.
class Unmounting {
public:
    /// Says what is done next, then does it.
    template <typename Act>
    void step(const std::string& what, Act act) {
        {
            const std::scoped_lock lock(mutex_);
            end_.late = what;
        }
        const sys::Result<> done = act();
        const std::scoped_lock lock(mutex_);
        end_.report.add(what, done);
    }

    void set_done() {
        const std::scoped_lock lock(mutex_);
        end_.late.clear();
        done_ = true;
        changed_.notify_all();
    }

    UnmountEnd wait(std::chrono::milliseconds deadline) {
        std::unique_lock lock(mutex_);
        (void)changed_.wait_for(lock, deadline, [this] { return done_; }); // the end says which
        return end_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    UnmountEnd end_;
    bool done_ = false;
};

/// A file system that holds an area cannot be unmounted before.
void switch_swap_off(Unmounting& all) {
    const auto areas = sys::swap_areas();
    if (!areas) return all.step("read /proc/swaps", [&] { return sys::Result<>(areas.error()); });
    for (const sys::SwapArea& area : *areas)
        all.step("swap off " + area.path, [&] { return sys::swap_off(area.path); });
}

sys::Result<> let_go(const sys::Mount& mount) {
    // The overlay holds its file systems through mounts of its own: unmounting what is seen of them
    // would leave the disk open for writing.
    if (mount.target == overlay_upper) (void)sys::remount_read_only(mount.target);
    sys::Result<> done = sys::unmount(mount.target);
    if (!done) done = sys::remount_read_only(mount.target);
    return done;
}

void unmount_all(Unmounting& all) {
    all.step("sync", [] {
        sys::sync_all();
        return sys::Result<>();
    });
    switch_swap_off(all);
    const auto mounted = sys::current_mounts();
    if (!mounted)
        all.step("read /proc/self/mounts", [&] { return sys::Result<>(mounted.error()); });
    else
        for (const sys::Mount& mount : persistent_mounts(*mounted))
            all.step("unmount " + mount.target, [&] { return let_go(mount); });
    all.set_done();
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

UnmountEnd unmount_within(std::chrono::milliseconds deadline) {
    const auto all = std::make_shared<Unmounting>();
    try {
        std::thread([all] { unmount_all(*all); }).detach();
    } catch (const std::system_error&) {
        unmount_all(*all); // without a thread nobody can wait for it
    }
    return all->wait(deadline);
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
