// Guests whose root is on a disk: a Debian and a busybox, from an initramfs that goes on there.
#include "initramfs/file.hpp"
#include "tests/vm/rootfs.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using lab::DiskWrites;
using test::DiskShelf;
using test::Guest;
using test::in_guest;
using test::shut_down;

namespace {

constexpr const char* sandbox = R"({"on_exit": "stay"})";

lab::MachineOptions with_disk(const std::string& kernel, lab::Disk disk, const std::string& root) {
    lab::MachineOptions options = test::agent_options(kernel, sandbox);
    options.disks.push_back(std::move(disk));
    options.root = root;
    return options;
}

std::string mount_of(const Guest& guest, const std::string& target) {
    return in_guest(guest, fmt::format("grep ' {} ' /proc/self/mounts", target));
}

} // namespace

TEST_CASE("a Debian on an ext4 disk is a guest like any other, and its disk is clean afterwards",
          "[agent][vm][disks]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    const DiskShelf shelf;
    const auto image = shelf.debian(R"({"hostname": "baked"})");
    Guest guest(with_disk(kernel, {.file = image, .serial = {}}, "LABEL=debian"));
    CHECK_THAT(mount_of(guest, "/"), StartsWith("/dev/vda / ext4 rw,"));
    CHECK_THAT(in_guest(guest, "cat /etc/os-release"), ContainsSubstring("ID=debian"));
    // Its own configuration was read on top of the initramfs's.
    CHECK(in_guest(guest, "cat /proc/sys/kernel/hostname") == "baked\n");
    CHECK(in_guest(guest, "echo kept > /var/kept; dpkg --version > /dev/null; ls /init 2>&1 || :")
              .find("No such file") != std::string::npos);
    // What the initramfs held is free, and yet the agent can start itself.
    CHECK_THAT(in_guest(guest, "rouse debug status"), ContainsSubstring("epoch"));
    const auto file = shelf.path("copied");
    CHECK(guest.rousectl({"cp", ":/var/kept", file}).status == 0);
    shut_down(guest);
    CHECK(test::read_from_image(image, "/var/kept") == "kept\n");
    test::check_clean(image);
}

TEST_CASE("a Debian on a write-protected disk works with an overlay in memory",
          "[agent][vm][disks]") {
    const std::string kernel = GENERATE("6.1", "6.12", "7.2");
    INFO("kernel " << kernel);
    const DiskShelf shelf;
    lab::MachineOptions options = with_disk(
        kernel, {.file = shelf.debian(), .writes = DiskWrites::refused, .serial = "rootdisk"},
        "SERIAL=rootdisk");
    options.overlay = "tmpfs";
    Guest guest(std::move(options));
    CHECK_THAT(mount_of(guest, "/"), StartsWith("overlay / overlay rw,"));
    CHECK_THAT(mount_of(guest, "/run/rouse/lower"), ContainsSubstring(" ext4 ro,"));
    CHECK(in_guest(guest, "echo x > /etc/new && cat /etc/new /run/rouse/upper/upper/etc/new") ==
          "x\nx\n");
    shut_down(guest);
    CHECK_THAT(guest.machine().console_text(), !ContainsSubstring("warning: unmount"));
}

TEST_CASE("what is written over a read-only root is on the second disk at the next boot",
          "[agent][vm][disks]") {
    const std::string kernel = GENERATE("6.1", "7.2");
    INFO("kernel " << kernel);
    const DiskShelf shelf;
    const auto root = shelf.debian();
    const auto upper = shelf.empty("scratch");
    for (const std::string before : {"", "first"}) {
        lab::MachineOptions options = with_disk(
            kernel, {.file = root, .writes = DiskWrites::refused, .serial = {}}, "LABEL=debian");
        options.disks.push_back({.file = upper, .serial = {}});
        options.overlay = "LABEL=scratch";
        Guest guest(std::move(options));
        CHECK(in_guest(guest, "cat /etc/boots 2>/dev/null || :") ==
              (before.empty() ? "" : before + "\n"));
        (void)in_guest(guest, "echo first > /etc/boots");
        shut_down(guest);
        CHECK_THAT(guest.machine().console_text(), !ContainsSubstring("warning: unmount"));
        test::check_clean(upper);
    }
    CHECK(test::read_from_image(upper, "/upper/etc/boots") == "first\n");
}

TEST_CASE("a Debian in an erofs or squashfs image is a root, alone and under an overlay",
          "[agent][vm][disks]") {
    using Row = std::pair<std::string, std::string>;
    const auto [kernel, type] = GENERATE(Row{"6.1", "erofs"}, Row{"6.12", "erofs"},
                                         Row{"7.2", "erofs"}, Row{"6.12", "squashfs"});
    INFO("kernel " << kernel << ", " << type);
    const DiskShelf shelf;
    const auto image = shelf.debian_packed(type);
    for (const std::string overlay : {"", "tmpfs"}) {
        INFO("overlay '" << overlay << "'");
        lab::MachineOptions options = with_disk(kernel, {.file = image, .serial = {}}, "/dev/vda");
        options.overlay = overlay;
        Guest guest(std::move(options));
        CHECK_THAT(mount_of(guest, "/"), StartsWith(overlay.empty() ? "/dev/vda / " + type + " ro,"
                                                                    : "overlay / overlay rw,"));
        const auto written = exec(guest.endpoint(), {"/bin/sh", "-c", "echo x > /etc/new"});
        CHECK((written.exit->code == 0U) == !overlay.empty());
        CHECK_THAT(in_guest(guest, "cat /etc/os-release"), ContainsSubstring("ID=debian"));
        shut_down(guest);
    }
}

TEST_CASE("a busybox with a baked configuration runs its workload from a partition",
          "[agent][vm][disks]") {
    const DiskShelf shelf;
    const auto disk = shelf.partitioned(shelf.busybox(
        R"({"workload": {"argv": ["/bin/sh", "-c", "grep ' / ' /proc/mounts; ls /sbin"]}})"));
    lab::MachineOptions options =
        with_disk("6.12", {.file = disk, .serial = {}}, "PARTUUID=20260101-01");
    options.config.reset();
    options.ready = lab::Ready::console;
    Guest guest(std::move(options));
    guest.machine().wait_exit(test::patience);
    test::wait_until([&] { return guest.collected().generations().size() == 1; },
                     [] { return "nothing was collected"; }, test::patience);
    const std::string output = guest.collected().bytes(guest.generation(), "stdout");
    CHECK_THAT(output, StartsWith("/dev/vda1 / ext4 rw,"));
    CHECK_THAT(output, ContainsSubstring("\ninit\n") && ContainsSubstring("\nrouse\n"));
}

TEST_CASE("a directory of the host is a root and a volume, by virtiofs and by 9p",
          "[agent][vm][disks]") {
    struct Row {
        const char* kernel;
        const char* type;
        lab::ShareBy by;
    };
    const Row row = GENERATE(Row{"6.1", "virtiofs", lab::ShareBy::virtiofs},
                             Row{"7.2", "virtiofs", lab::ShareBy::virtiofs},
                             Row{"l1", "9p", lab::ShareBy::nine_p});
    INFO("kernel " << row.kernel << ", " << row.type);
    const DiskShelf shelf;
    const auto tree = shelf.busybox_tree(fmt::format(
        R"({{"on_exit": "stay", "volumes": [
            {{"source": "second", "target": "/mnt/host", "type": "{}", "read_only": true}}]}})",
        row.type));
    std::filesystem::create_directory(shelf.path("second"));
    initramfs::write_file(shelf.path("second") / "file", "of the host\n");
    lab::MachineOptions options = test::agent_options(row.kernel, sandbox);
    options.shares = {{.directory = tree, .tag = "hostroot", .by = row.by},
                      {.directory = shelf.path("second"), .tag = "second", .by = row.by}};
    options.root = "hostroot";
    options.command_line = fmt::format("rouse.rootfstype={}", row.type);
    Guest guest(std::move(options));
    CHECK_THAT(mount_of(guest, "/"), StartsWith(fmt::format("hostroot / {} rw,", row.type)));
    CHECK(in_guest(guest, "echo written > /made; cat /mnt/host/file; "
                          "echo x > /mnt/host/new || echo refused") == "of the host\nrefused\n");
    shut_down(guest);
    CHECK(initramfs::read_file(tree / "made") == "written\n");
}

TEST_CASE("a root that is missing explains itself on the console, and the machine is off",
          "[agent][vm][disks]") {
    const DiskShelf shelf;
    lab::MachineOptions options =
        with_disk("6.12", {.file = shelf.empty("other"), .serial = "first"}, "LABEL=nowhere");
    options.command_line = "rouse.root_wait_ms=300";
    options.ready = lab::Ready::none;
    lab::Machine machine = lab::Machine::boot(options);
    machine.wait_exit(test::patience);
    CHECK_THAT(machine.console_text(),
               ContainsSubstring("rouse: error: boot failed: root: LABEL=nowhere has not appeared "
                                 "within 300 ms; there is vda (ext4, label other, uuid ") &&
                   ContainsSubstring("serial first)") && ContainsSubstring("rouse: powering off") &&
                   !ContainsSubstring("Kernel panic"));
}
