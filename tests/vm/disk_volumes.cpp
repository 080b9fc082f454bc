// Volumes and swap of a guest with several disks, and how they end.
#include "tests/vm/rootfs.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using test::DiskShelf;
using test::Guest;
using test::in_guest;
using test::shut_down;

TEST_CASE("volumes and swap of several disks are there, and clean when the machine is off",
          "[agent][vm][disks]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    const DiskShelf shelf;
    const auto data = shelf.empty("data");
    const auto swap_file = shelf.empty("swapfile");
    // Of random bytes, since an area with holes is none.
    const std::string make_area =
        "head -c 16777216 /dev/urandom > $1/area && /usr/sbin/mkswap $1/area && "
        "/usr/sbin/debugfs -w -R \"write $1/area area\" $2";
    test::run_tool({"sh", "-c", make_area, "sh", shelf.path(""), swap_file});
    lab::MachineOptions options = test::agent_options(kernel, R"({"on_exit": "stay",
        "volumes": [
            {"source": "LABEL=data", "target": "/srv/data", "options": "noatime,nosuid"},
            {"source": "SERIAL=swapfile", "target": "/srv/swap", "type": "ext4"},
            {"target": "/srv/memory", "type": "tmpfs", "options": "size=64m"},
            {"source": "/srv/data", "target": "/srv/view", "type": "bind", "read_only": true},
            {"source": "LABEL=absent", "target": "/srv/absent", "optional": true, "wait_ms": 1}],
        "swap": [{"source": "LABEL=swap", "priority": 7}, {"source": "/srv/swap/area"},
                 {"source": "/srv/data/none"}]})");
    options.disks = {{.file = data, .serial = {}},
                     {.file = shelf.swap("swap"), .serial = {}},
                     {.file = swap_file, .serial = "swapfile"}};
    Guest guest(std::move(options));
    CHECK_THAT(in_guest(guest, "grep ' /srv/data ' /proc/mounts"),
               StartsWith("/dev/vda /srv/data ext4 rw,nosuid,noatime"));
    CHECK_THAT(in_guest(guest, "grep ' /srv/memory ' /proc/mounts"),
               ContainsSubstring("size=65536k"));
    CHECK(in_guest(guest, "echo one > /srv/data/one; cat /srv/view/one; "
                          "echo two > /srv/view/two || echo refused") == "one\nrefused\n");
    const std::string swaps = in_guest(guest, "cat /proc/swaps");
    CHECK_THAT(swaps, Catch::Matchers::Matches("[^]*/dev/vdb +partition\\s+\\d+\\s+0\\s+7\n[^]*") &&
                          ContainsSubstring("/srv/swap/area"));
    // More than the command may have in memory: what was written first is on the swap disk.
    const auto answer = ask(guest.endpoint(), "POST", "/v1/exec", R"({"argv": ["/bin/sh", "-c",
        "head -c 48000000 /dev/zero > /srv/memory/much"], "cgroup": {"memory_max": 25165824}})");
    CHECK_THAT(answer.body, ContainsSubstring(R"("code":0)"));
    CHECK_THAT(in_guest(guest, "cat /proc/swaps"),
               Catch::Matchers::Matches("[^]*/dev/vdb +partition\\s+\\d+\\s+[1-9]\\d*\\s+7\n[^]*"));
    const std::string console = guest.machine().console_text();
    CHECK_THAT(console, ContainsSubstring("warning: volume /srv/absent: LABEL=absent has not "
                                          "appeared within 1 ms; there is vda (ext4, label data") &&
                            ContainsSubstring("warning: swap /srv/data/none: /srv/data/none is "
                                              "not there"));
    shut_down(guest);
    const std::string end = guest.machine().console_text();
    CHECK_THAT(end, !ContainsSubstring("warning: unmount") && !ContainsSubstring("swap off"));
    CHECK(test::read_from_image(data, "/one") == "one\n");
    test::check_clean(data);
    test::check_clean(swap_file);
}

TEST_CASE("a volume that is needed and missing ends the boot with a line that names it",
          "[agent][vm][disks]") {
    lab::MachineOptions options = test::agent_options("6.12", R"({"volumes": [
        {"source": "LABEL=data", "target": "/srv/data", "wait_ms": 1}]})");
    options.ready = lab::Ready::none;
    lab::Machine machine = lab::Machine::boot(options);
    machine.wait_exit(test::patience);
    CHECK_THAT(
        machine.console_text(),
        ContainsSubstring("boot failed: volume /srv/data: LABEL=data has not appeared within "
                          "1 ms; there is no block device at all; its driver may be missing"));
}
