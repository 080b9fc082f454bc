// Disks of real kernels, found and mounted in namespaces of the test's own.

#include "agent/boot/find_device.hpp"
#include "agent/boot/volumes.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/wait.hpp"
#include "tests/unit/boot_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <optional>
#include <thread>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using proto::DeviceKey;
using proto::VolumeConfig;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::can_write;
using test::Disk;
using test::mount_on;
using test::run_tool;

TEST_CASE("volumes are mounted by label, from memory and from directories, in their order",
          "[boot][disks]") {
    test::in_own_namespaces([] {
        const Disk disk("rouse-volume");
        const std::string data = disk.scratch("a/deep/mount");
        const std::string memory = disk.scratch("memory");
        const std::string bound = disk.scratch("bound");
        const boot::Report report = boot::mount_volumes(
            {VolumeConfig{.source = "LABEL=rouse-volume", .target = data, .options = "noatime"},
             VolumeConfig{
                 .source = "", .target = memory, .type = "tmpfs", .options = "size=1m,mode=0700"},
             VolumeConfig{.source = data + "/etc",
                          .target = bound,
                          .type = "bind",
                          .options = "",
                          .read_only = true}});
        for (const boot::Step& step : report.steps()) {
            CAPTURE(step.name, step.message);
            CHECK(step.ok);
        }
        CHECK(mount_on(data)->source == disk.path());
        CHECK(mount_on(data)->type == "ext4");
        CHECK(sys::read_file(data + "/etc/name").value() == "rouse-volume\n");
        CHECK(can_write(data));
        CHECK(mount_on(memory)->type == "tmpfs");
        CHECK(sys::read_file(bound + "/name").value() == "rouse-volume\n");
        CHECK_FALSE(can_write(bound));
        CHECK(can_write(data + "/etc")); // only what is bound is read-only
    });
}

TEST_CASE("a read-only volume cannot be written to, and a write-protected disk becomes one",
          "[boot][disks]") {
    test::in_own_namespaces([] {
        const Disk disk("rouse-readonly");
        const std::string data = disk.scratch("data");
        VolumeConfig volume{.source = disk.path(), .target = data, .type = "", .options = ""};
        volume.read_only = true;
        CHECK(boot::mount_volumes({volume}).steps()[0].ok);
        CHECK_FALSE(can_write(data));
        REQUIRE(sys::unmount(data));
        run_tool({"blockdev", "--setro", disk.path()});
        volume.read_only = false;
        const boot::Report report = boot::mount_volumes({volume});
        CHECK(report.steps()[0].ok);
        CHECK_THAT(report.steps()[0].message, ContainsSubstring("is write-protected"));
        CHECK_FALSE(can_write(data));
    });
}

TEST_CASE("a volume that is missing ends the boot, unless it is optional", "[boot][disks]") {
    VolumeConfig volume{.source = "LABEL=rouse-nowhere", .target = "/nonexistent/x", .type = {}};
    volume.wait = milliseconds(1);
    const boot::Report needed = boot::mount_volumes({volume});
    REQUIRE(needed.fatal() != nullptr);
    CHECK(needed.fatal()->name == "volume /nonexistent/x");
    CHECK_THAT(needed.fatal()->message,
               StartsWith("LABEL=rouse-nowhere has not appeared within 1 ms; "));
    volume.optional = true;
    CHECK(boot::mount_volumes({volume}).fatal() == nullptr);
    CHECK_FALSE(boot::mount_volumes({volume}).steps()[0].ok);
}

TEST_CASE("a disk without a file system, and one that is no mountable one, are told",
          "[boot][disks]") {
    test::in_own_namespaces([] {
        const test::TemporaryDirectory directory;
        test::make_sparse_file(directory.path() / "empty", 1024 * 1024);
        const test::LoopDevice device(directory.path() / "empty");
        const std::string target = directory.path() / "mount";
        VolumeConfig volume{.source = device.path(), .target = target, .type = "", .options = ""};
        CHECK(boot::mount_volumes({volume}).steps()[0].message ==
              "there is no file system on " + device.path());
        volume.type = "ext4";
        CHECK(boot::mount_volumes({volume}).steps()[0].message ==
              "cannot mount '" + device.path() + "' (ext4) at " + target + ": Invalid argument");
        volume.type = "nosuchfs";
        CHECK_THAT(boot::mount_volumes({volume}).steps()[0].message,
                   ContainsSubstring(": No such device"));
    });
}

TEST_CASE("a disk that comes late is waited for by the kernel's events", "[boot][disks]") {
    test::in_own_namespaces([] {
        boot::DeviceSearch search;
        std::optional<Disk> disk;
        {
            const std::jthread searcher([&] {
                search = boot::find_device({.key = DeviceKey::label, .value = "rouse-late"},
                                           seconds(30));
            });
            // The second column is the protocol: somebody listens to events.
            const auto listens = [] {
                const auto text = sys::read_file("/proc/thread-self/net/netlink");
                return text && text->find(" 15  ") != std::string::npos;
            };
            test::wait_until(
                listens, [] { return "nobody listens to events"; }, seconds(10));
            disk.emplace("rouse-late");
        }
        CHECK(search.path == disk->path());
        CHECK(search.why.empty());
    });
}
