// Settings that only a kernel of the guest's own can show, many of them in one boot.
#include "tests/vm/rootfs.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::in_guest;

namespace {

constexpr const char* many_settings = R"({"on_exit": "stay", "power": "reboot",
    "hotplug": {"movable": true},
    "swap": [{"source": "LABEL=absent", "wait_ms": 7}],
    "workload": {"argv": ["/bin/sleep", "100000"], "user": "1000:100", "cwd": "/bin",
        "groups": [29, "4343"], "rlimits": {"nofile": {"soft": 100, "hard": 200}},
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        "cgroup": {"memory_max": 67108864, "memory_high": 50331648, "memory_swap_max": 1048576,
                   "pids_max": 7, "cpu_max_us": 50000, "cpu_period_us": 200000,
                   "cpu_weight": 50, "io_weight": 70}},
    "payload": {"memory_max": 134217728, "memory_high": 100663296, "memory_swap_max": 8388608,
                "pids_max": 500, "cpu_max_us": 300000, "cpu_period_us": 50000,
                "cpu_weight": 60, "io_weight": 80}})";

void check_attributes(const Guest& guest) {
    const auto pid = test::number_at(test::status(guest.endpoint()), "/workload/pid");
    const std::string there = fmt::format("cd /proc/{}; ", pid);
    CHECK(in_guest(guest, there + "readlink cwd") == "/bin\n");
    const std::string status = in_guest(guest, there + "cat status");
    for (const char* const line :
         {"Uid:\t1000\t1000\t1000\t1000", "Gid:\t100\t100\t100\t100", "Groups:\t29 4343",
          "CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "CapBnd:\t0000000000000400"})
        CHECK_THAT(status, ContainsSubstring(line));
    CHECK_THAT(in_guest(guest, there + "cat limits"),
               Catch::Matchers::Matches("[^]*\nMax open files +100 +200 [^]*"));
}

void check_groups(const Guest& guest) {
    const auto limits = [&](const std::string& group) {
        return in_guest(guest, fmt::format("cd /sys/fs/cgroup/rouse/{}; "
                                           "cat memory.max memory.high memory.swap.max pids.max "
                                           "cpu.max cpu.weight io.weight",
                                           group));
    };
    CHECK(limits("exec/main-1") ==
          "67108864\n50331648\n1048576\n7\n50000 200000\n50\ndefault 70\n");
    CHECK(limits("exec") == "134217728\n100663296\n8388608\n500\n300000 50000\n60\ndefault 80\n");
}

/// Plugs in 128 MiB, which the guest then has in the zone of what can be moved.
void check_movable_memory(Guest& guest) {
    const auto movable = [&] {
        return in_guest(guest, "cd /sys/devices/system/memory; "
                               "cat memory*/valid_zones | grep -c '^Movable' || :");
    };
    CHECK(movable() == "0\n");
    test::plug_memory(guest, 128U << 20U);
    test::wait_until([&] { return movable() == "1\n"; },
                     [&] {
                         return in_guest(guest, "cd /sys/devices/system/memory; "
                                                "grep . auto_online_blocks memory*/valid_zones");
                     },
                     test::patience);
}

} // namespace

TEST_CASE(
    "attributes, limits, movable memory, a wait for swap and the way to end are as configured",
    "[agent][vm]") {
    lab::MachineOptions options = test::agent_options("6.12", many_settings);
    options.arguments = {"-m", "256,slots=2,maxmem=1G"};
    Guest guest(std::move(options));
    check_attributes(guest);
    check_groups(guest);
    CHECK_THAT(guest.rousectl({"events", "--json"}).output,
               !ContainsSubstring("cgroup_setting_failed"));
    check_movable_memory(guest);
    CHECK(guest.rousectl({"shutdown"}).status == 0);
    guest.machine().wait_exit(test::patience);
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("warning: swap LABEL=absent: LABEL=absent has not appeared within "
                                 "7 ms; ") &&
                   ContainsSubstring("rouse: rebooting\n"));
}

TEST_CASE("an unmount that hangs is left behind at its deadline, and a workload's end reboots the "
          "machine that is to",
          "[agent][vm][disks]") {
    const test::DiskShelf shelf;
    lab::MachineOptions options = test::agent_options("6.12", R"({"on_exit": "reboot",
        "workload": {"argv": ["/bin/sh", "-c", "until [ -e /run/go ]; do usleep 50000; done"]},
        "shutdown": {"unmount_ms": 500},
        "volumes": [{"source": "LABEL=data", "target": "/data"}]})");
    options.modules = {"loop"};
    options.disks.push_back({.file = shelf.empty("data"), .serial = {}});
    Guest guest(std::move(options));
    // What the inner file system wants to write waits for the outer one, which is frozen. It has
    // read before all that the last write needs.
    (void)in_guest(guest, "head -c 8388608 /dev/zero > /data/image && "
                          "losetup /dev/loop0 /data/image && mke2fs /dev/loop0 && "
                          "mkdir /run/inner && mount -t ext4 /dev/loop0 /run/inner && "
                          "echo one > /run/inner/file && sync && fsfreeze --freeze /data && "
                          "echo two >> /run/inner/file");
    // A moment later, when the answer to this is out.
    (void)in_guest(guest, "(sleep 1; touch /run/go) </dev/null >/dev/null 2>&1 &");
    guest.machine().wait_exit(test::patience);
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("rouse: warning: shutdown: the stage 'unmount' is not done after "
                                 "500 ms, still there: sync\n") &&
                   ContainsSubstring("rouse: rebooting\n"));
}
