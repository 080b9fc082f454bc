// What every guest gets at boot, as tables and texts.

#include "agent/boot/modules.hpp"
#include "agent/boot/mounts.hpp"
#include "agent/boot/shutdown.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <fstream>
#include <set>

#include <sys/mount.h>

using namespace rouse;

namespace {

std::string parent(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

} // namespace

TEST_CASE("a mount comes after the mount it lies in", "[boot]") {
    std::vector<std::string> seen;
    for (const boot::MountEntry& entry : boot::mount_table()) {
        const std::string& target = entry.mount.target;
        CAPTURE(target);
        CHECK(target.front() == '/');
        CHECK(std::find(seen.begin(), seen.end(), target) == seen.end());
        for (const boot::MountEntry& other : boot::mount_table())
            if (target.starts_with(other.mount.target + "/"))
                CHECK(std::find(seen.begin(), seen.end(), other.mount.target) != seen.end());
        seen.push_back(target);
    }
    for (const char* const target : {"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue",
                                     "/run", "/tmp", "/sys/fs/cgroup"})
        CHECK(std::find(seen.begin(), seen.end(), target) != seen.end());
}

TEST_CASE("only /proc and /dev are required", "[boot]") {
    std::set<std::string> required;
    for (const boot::MountEntry& entry : boot::mount_table())
        if (entry.need == boot::Need::required) required.insert(entry.mount.target);
    CHECK(required == std::set<std::string>{"/proc", "/dev"});
}

TEST_CASE("no mount but /dev may hold devices, and none set-user-id files", "[boot]") {
    for (const boot::MountEntry& entry : boot::mount_table()) {
        CAPTURE(entry.mount.target);
        CHECK((entry.mount.flags & MS_NOSUID) != 0);
        if (entry.mount.target != "/dev" && entry.mount.target != "/dev/pts")
            CHECK((entry.mount.flags & MS_NODEV) != 0);
    }
}

TEST_CASE("what everybody may write to is sticky", "[boot]") {
    for (const boot::MountEntry& entry : boot::mount_table())
        if (entry.mount.target == "/tmp" || entry.mount.target == "/dev/shm") {
            CHECK(entry.mount.data == "mode=1777");
            CHECK(entry.directory_mode == 01777);
        }
}

TEST_CASE("links lie in /dev", "[boot]") {
    for (const boot::LinkEntry& link : boot::link_table())
        CHECK(parent(link.path) == "/dev");
}

TEST_CASE("a report finds the first failure that is fatal", "[boot]") {
    boot::Report report;
    report.add("fine", {});
    report.add("bad luck", sys::error_from(ENOENT));
    CHECK(report.fatal() == nullptr);
    report.add({.name = "needed and there", .ok = true, .fatal = true, .message = ""});
    CHECK(report.fatal() == nullptr);
    report.add({.name = "needed", .ok = false, .fatal = true, .message = "gone"});
    REQUIRE(report.fatal() != nullptr);
    CHECK(report.fatal()->name == "needed");
    CHECK(report.steps()[1].message == "No such file or directory");
}

TEST_CASE("a module list is read line by line", "[boot]") {
    const auto paths =
        boot::parse_module_list("# first\n/lib/a.ko\n\n  lib/b.ko  # why\r\n/lib/c.ko");
    CHECK(paths == std::vector<std::string>{"/lib/a.ko", "/lib/b.ko", "/lib/c.ko"});
    CHECK(boot::parse_module_list("").empty());
}

TEST_CASE("an image without a module list has no modules", "[boot]") {
    CHECK(boot::load_modules("/nonexistent/modules").steps().empty());
}

TEST_CASE("a module that is missing is told and the next is tried", "[boot]") {
    const test::TemporaryDirectory directory;
    const std::string list = directory.path() / "modules";
    std::ofstream(list) << "/nonexistent/one.ko\n/nonexistent/two.ko\n";
    const boot::Report report = boot::load_modules(list);
    REQUIRE(report.steps().size() == 2);
    CHECK(report.steps()[0].name == "module one.ko");
    CHECK_FALSE(report.steps()[1].ok);
    CHECK(report.fatal() == nullptr);
}

TEST_CASE("mounts are read with their escapes", "[boot]") {
    const auto mounts = sys::parse_mounts("/dev/vda / ext4 rw 0 0\n"
                                          "tmpfs /with\\040blank tmpfs rw 0 0\n"
                                          "bad\n/dev/vdb /end\\134x\\04 xfs ro 0 0");
    REQUIRE(mounts.size() == 3);
    CHECK(mounts[0].type == "ext4");
    CHECK(mounts[1].target == "/with blank");
    CHECK(mounts[2].target == "/end\\x\\04");
}

TEST_CASE("what outlives the machine is unmounted, last first", "[boot]") {
    const auto mounted = sys::parse_mounts("rootfs / rootfs rw\nproc /proc proc rw\n"
                                           "/dev/vda / ext4 rw\ntmpfs /tmp tmpfs rw\n"
                                           "/dev/vdb /data xfs rw\nhost /host 9p rw\n");
    std::vector<std::string> targets;
    for (const sys::Mount& mount : boot::persistent_mounts(mounted))
        targets.push_back(mount.target);
    CHECK(targets == std::vector<std::string>{"/host", "/data", "/"});
}
