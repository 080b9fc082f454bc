// Disks as data: which one is meant, what is mounted how, which modules that takes.

#include "agent/boot/filesystem.hpp"
#include "agent/boot/find_device.hpp"
#include "agent/boot/module_index.hpp"
#include "agent/boot/modules.hpp"
#include "agent/boot/volumes.hpp"
#include "agent/sys/mount_options.hpp"
#include "agent/sys/swap.hpp"
#include "agent/sys/uevents.hpp"
#include "tests/support/command.hpp"
#include "tests/support/loop_device.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <fstream>

#include <sys/mount.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using proto::DeviceKey;
using std::chrono::milliseconds;
using Words = std::vector<std::string>;

namespace {

void run_quietly(std::vector<std::string> argv) {
    const test::Said said = test::run_command(std::move(argv), std::chrono::seconds(30));
    INFO(said.error);
    REQUIRE(said.status == 0);
}

constexpr const char* data_uuid = "0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10";

/// A /sys/class/block and a /dev of files: an ext4 file system, a swap area, an empty disk.
class FakeDevices {
public:
    FakeDevices() {
        add("vda", "", 8);
        run_quietly({"mkfs.ext4", "-q", "-L", "data", "-U", data_uuid, device("vda")});
        add("vdb", "swap-disk  ", 8);
        run_quietly({"mkswap", "-L", "more", device("vdb")});
        add("vdc", "", 8);
        add("loop0", "", 0);
    }
    [[nodiscard]] boot::DevicePlaces places() const {
        return {.classes = (directory_.path() / "class").string(),
                .devices = (directory_.path() / "dev").string()};
    }
    [[nodiscard]] std::string device(const std::string& name) const {
        return (directory_.path() / "dev" / name).string();
    }

private:
    void add(const std::string& name, const std::string& serial, unsigned mebibytes) const {
        const auto entry = directory_.path() / "class" / name;
        std::filesystem::create_directories(entry);
        std::filesystem::create_directories(directory_.path() / "dev");
        std::ofstream(entry / "size") << mebibytes * 2048 << "\n";
        if (!serial.empty()) std::ofstream(entry / "serial") << serial << "\n";
        test::make_sparse_file(device(name), std::uint64_t(mebibytes) * 1024 * 1024);
    }

    test::TemporaryDirectory directory_;
};

} // namespace

TEST_CASE("a device is found by what it says about itself", "[boot][disks]") {
    const FakeDevices devices;
    const auto find = [&](DeviceKey key, const std::string& value) {
        return boot::find_device({.key = key, .value = value}, milliseconds(0), devices.places())
            .path;
    };
    CHECK(find(DeviceKey::label, "data") == devices.device("vda"));
    CHECK(find(DeviceKey::label, "more") == devices.device("vdb"));
    CHECK(find(DeviceKey::uuid, "0B9F5F9E-6A43-4C54-9D5C-2D1C4C1B7A10") == devices.device("vda"));
    CHECK(find(DeviceKey::serial, "swap-disk") == devices.device("vdb"));
    CHECK(find(DeviceKey::path, devices.device("vdc")) == devices.device("vdc"));
    CHECK(find(DeviceKey::label, "dat").empty());
    CHECK(find(DeviceKey::uuid, "").empty());
}

TEST_CASE("a device that is missing is explained by those that are there", "[boot][disks]") {
    const FakeDevices devices;
    const boot::DeviceSearch search = boot::find_device({.key = DeviceKey::label, .value = "root"},
                                                        milliseconds(20), devices.places());
    CHECK(search.path.empty());
    CHECK_THAT(search.why, StartsWith("LABEL=root has not appeared within 20 ms; there is vda "
                                      "(ext4, label data, uuid 0b9f5f9e-6a43"));
    CHECK_THAT(search.why, ContainsSubstring("vdb (swap, label more, uuid ") &&
                               ContainsSubstring("serial swap-disk), vdc (no file system)"));
    CHECK_THAT(search.why, !ContainsSubstring("loop0"));
    const boot::DeviceSearch none =
        boot::find_device({.key = DeviceKey::uuid, .value = "x"}, milliseconds(0),
                          {.classes = "/nonexistent", .devices = "/nonexistent"});
    CHECK_THAT(none.why, ContainsSubstring("no block device at all; its driver may be missing"));
    const boot::DeviceSearch file = boot::find_device(
        {.key = DeviceKey::path, .value = "/nonexistent/swapfile"}, std::chrono::hours(1));
    CHECK(file.why == "/nonexistent/swapfile is not there");
}

TEST_CASE("a partition is known by the uuid in its table", "[boot][disks]") {
    const sys::BlockDevice device{.name = "vda1", .path = "/dev/vda1", .serial = {}, .sectors = 8};
    const sys::DeviceContent content{
        .type = "ext4", .label = "l", .uuid = "u", .part_uuid = "ABCD-01"};
    CHECK(boot::is_meant({DeviceKey::part_uuid, "abcd-01"}, device, content));
    CHECK_FALSE(boot::is_meant({DeviceKey::part_uuid, "u"}, device, content));
    CHECK_FALSE(boot::is_meant({DeviceKey::uuid, "abcd-01"}, device, content));
    CHECK(boot::is_meant({DeviceKey::path, "/dev/vda1"}, device, {}));
}

TEST_CASE("options of a mount are split into flags and data, later words win", "[boot][disks]") {
    using sys::MountOptions;
    using sys::parse_mount_options;
    CHECK(parse_mount_options("") == MountOptions{});
    CHECK(parse_mount_options("defaults,,") == MountOptions{});
    CHECK(parse_mount_options("ro,noatime,size=1m,mode=0700") ==
          MountOptions{.flags = MS_RDONLY | MS_NOATIME, .data = "size=1m,mode=0700"});
    CHECK(parse_mount_options("ro,nosuid,nodev,noexec,rw,dev") ==
          MountOptions{.flags = MS_NOSUID | MS_NOEXEC, .data = ""});
}

TEST_CASE("each kind of file system is mounted by the call that it needs", "[boot][disks]") {
    using boot::Access;
    const sys::Mount nine = boot::mount_call(
        {.source = "t", .target = "/h", .type = "9p", .options = "cache=loose,ro", .access = {}},
        "t", "9p");
    CHECK(nine.data == "trans=virtio,version=9p2000.L,cache=loose");
    CHECK(nine.flags == MS_RDONLY);
    const sys::Mount fd = boot::mount_call(
        {.source = "t", .target = "/h", .type = "9p", .options = "trans=fd", .access = {}}, "t",
        "9p");
    CHECK(fd.data == "trans=fd");
    const sys::Mount bind = boot::mount_call({.source = "/a",
                                              .target = "/b",
                                              .type = "bind",
                                              .options = "rbind",
                                              .access = Access::read_only},
                                             "/a", "bind");
    CHECK(bind.flags == (MS_BIND | MS_REC | MS_RDONLY));
    CHECK(bind.type == "none");
    const sys::Mount disk = boot::mount_call({.source = "LABEL=x",
                                              .target = "/d",
                                              .type = "",
                                              .options = "nodev,data=ordered",
                                              .access = Access::read_write},
                                             "/dev/vdb", "ext4");
    CHECK(disk.source == "/dev/vdb");
    CHECK(disk.type == "ext4");
    CHECK(disk.data == "data=ordered");
}

TEST_CASE("a module is loaded after what it depends on", "[boot][disks]") {
    const boot::ModuleIndex index("/lib/modules/1",
                                  "kernel/fs/a-b.ko: kernel/c.ko kernel/d.ko.xz\n"
                                  "kernel/c.ko: kernel/d.ko.xz\n"
                                  "kernel/d.ko.xz:\n"
                                  "/abs/e.ko:",
                                  "kernel/fs/ext4/ext4.ko\n");
    CHECK(index.load_order("a_b") == Words{"/lib/modules/1/kernel/d.ko.xz",
                                           "/lib/modules/1/kernel/c.ko",
                                           "/lib/modules/1/kernel/fs/a-b.ko"});
    CHECK(index.load_order("a-b") == index.load_order("a_b"));
    CHECK(index.load_order("d") == Words{"/lib/modules/1/kernel/d.ko.xz"});
    CHECK(index.load_order("e") == Words{"/abs/e.ko"});
    CHECK(index.load_order("ext4") == Words{});
    CHECK_FALSE(index.load_order("xfs").has_value());
}

TEST_CASE("a module list holds paths and names", "[boot][disks]") {
    CHECK(boot::parse_module_list("virtio_blk\n/lib/a.ko\nlib/b.ko.xz # why\nc.ko\n") ==
          Words{"virtio_blk", "/lib/a.ko", "/lib/b.ko.xz", "/c.ko"});
    const boot::Report report = boot::load_module({}, "no_such_module");
    REQUIRE(report.steps().size() == 1);
    CHECK_FALSE(report.steps()[0].ok);
    CHECK_THAT(report.steps()[0].message, StartsWith("there is no such module for kernel "));
}

TEST_CASE("an event of the kernel is read with its values", "[boot][disks]") {
    using namespace std::string_view_literals;
    const auto event = sys::parse_uevent("add@/devices/x/block/vda\0ACTION=add\0SUBSYSTEM=block\0"
                                         "DEVNAME=vda\0EMPTY=\0A=b=c\0"sv);
    REQUIRE(event.has_value());
    CHECK(event->action == "add");
    CHECK(event->path == "/devices/x/block/vda");
    CHECK(event->value("SUBSYSTEM") == "block");
    CHECK(event->value("A") == "b=c");
    CHECK(event->value("EMPTY").empty());
    CHECK(event->value("NONE").empty());
    CHECK_FALSE(sys::parse_uevent("libudev\0\xfe\xed"sv));
    CHECK_FALSE(sys::parse_uevent("@/devices"sv));
    CHECK_FALSE(sys::parse_uevent(""sv));
}

TEST_CASE("areas of swap are read with their escapes and priorities", "[boot][disks]") {
    CHECK(sys::parse_swaps("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                           "/dev/vdb                partition\t1048572\t\t0\t\t-2\n"
                           "/swap\\040file file 65532 12 5\n") ==
          std::vector<sys::SwapArea>{{"/dev/vdb", -2}, {"/swap file", 5}});
    CHECK(sys::parse_swaps("Filename Type Size Used Priority\n").empty());
    CHECK(sys::parse_swaps("").empty());
}

TEST_CASE("swap that cannot be had is told, and nothing ends by it", "[boot][disks]") {
    const test::TemporaryDirectory directory;
    const std::string file = directory.path() / "plain";
    test::make_sparse_file(file, 1024 * 1024);
    const boot::Report report =
        boot::enable_swap({{.source = file}, {.source = "/nonexistent/swap"}});
    REQUIRE(report.steps().size() == 2);
    CHECK(report.fatal() == nullptr);
    CHECK_FALSE(report.steps()[0].ok);
    CHECK_THAT(report.steps()[0].message, StartsWith(file + ": "));
    CHECK(report.steps()[1].name == "swap /nonexistent/swap");
    CHECK(report.steps()[1].message == "/nonexistent/swap is not there");
}
