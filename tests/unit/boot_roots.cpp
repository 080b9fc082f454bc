// From a root in memory to one on a disk, in namespaces of the test's own.

#include "agent/boot/root.hpp"
#include "agent/sys/directory.hpp"
#include "agent/sys/empty_directory.hpp"
#include "agent/sys/root_switch.hpp"
#include "tests/unit/boot_memory_root.hpp"
#include "tests/unit/boot_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <functional>

#include <fcntl.h>
#include <sys/mount.h>

using namespace rouse;
namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using std::chrono::milliseconds;
using test::can_write;
using test::Disk;
using test::mount_on;

namespace {

/// Runs `body` in a root in memory that has something of an initramfs in it.
void in_initramfs(const std::function<void()>& body) {
    test::in_memory_root([&] {
        std::ofstream("/init") << "of the initramfs\n";
        REQUIRE(sys::root_kind().value() == sys::RootKind::memory);
        body();
    });
}

void check_entered(const boot::EnteredRoot& entered) {
    for (const boot::Step& step : entered.report.steps()) {
        CAPTURE(step.name, step.message);
        CHECK(step.ok);
    }
    REQUIRE(entered.outcome == boot::RootOutcome::switched);
    for (const char* const moved : {"/dev", "/proc", "/sys", "/run"})
        CHECK(mount_on(moved).has_value());
    CHECK_FALSE(fs::exists("/init"));
    CHECK(sys::root_kind().value() == sys::RootKind::lasting);
}

} // namespace

TEST_CASE("an initramfs goes on in the root that it was told, and leaves nothing behind",
          "[boot][disks]") {
    const Disk disk("rouse-root");
    in_initramfs([&] {
        check_entered(boot::enter_root({.source = "LABEL=rouse-root", .type = "", .options = ""}));
        CHECK(mount_on("/")->source == disk.path());
        CHECK(sys::read_file("/etc/name").value() == "rouse-root\n");
        CHECK(can_write("/etc"));
    });
}

TEST_CASE("what is written to an overlay in memory is not on the disk", "[boot][disks]") {
    const Disk disk("rouse-lower");
    in_initramfs([&] {
        check_entered(boot::enter_root({.source = "LABEL=rouse-lower",
                                        .type = "ext4",
                                        .options = "",
                                        .read_only = false,
                                        .overlay = "tmpfs",
                                        .overlay_options = "size=1m"}));
        CHECK(mount_on("/")->type == "overlay");
        CHECK(sys::read_file("/etc/name").value() == "rouse-lower\n");
        CHECK(can_write("/etc"));
        CHECK(fs::exists(std::string(boot::overlay_upper) + "/upper/etc/written"));
        CHECK_FALSE(fs::exists(std::string(boot::overlay_lower) + "/etc/written"));
        CHECK_FALSE(can_write(std::string(boot::overlay_lower) + "/etc"));
    });
}

TEST_CASE("what is written to an overlay on a second disk is on that disk", "[boot][disks]") {
    const Disk lower("rouse-lower");
    const Disk upper("rouse-upper");
    in_initramfs([&] {
        check_entered(boot::enter_root({.source = lower.path(),
                                        .type = "",
                                        .options = "",
                                        .read_only = false,
                                        .overlay = "LABEL=rouse-upper",
                                        .overlay_options = ""}));
        CHECK(can_write("/etc"));
        CHECK(mount_on(boot::overlay_upper)->source == upper.path());
        CHECK(fs::exists(std::string(boot::overlay_upper) + "/upper/etc/written"));
    });
}

TEST_CASE("a root that is missing is fatal, and the initramfs stays", "[boot][disks]") {
    in_initramfs([] {
        proto::RootConfig config{.source = "UUID=rouse-nowhere", .type = "", .options = ""};
        config.wait = milliseconds(1);
        const boot::EnteredRoot entered = boot::enter_root(config);
        CHECK(entered.outcome == boot::RootOutcome::stayed);
        REQUIRE(entered.report.fatal() != nullptr);
        CHECK(entered.report.fatal()->name == "root");
        CHECK_THAT(entered.report.fatal()->message,
                   StartsWith("UUID=rouse-nowhere has not appeared within 1 ms; "));
        CHECK(sys::read_file("/init").value() == "of the initramfs\n");
        const boot::EnteredRoot nothing = boot::enter_root({.source = "", .overlay = "tmpfs"});
        CHECK(nothing.report.fatal() == nullptr);
        CHECK_THAT(nothing.report.steps()[0].message, ContainsSubstring("needs a root to lie on"));
        CHECK(boot::enter_root({}).report.steps().empty());
    });
}

TEST_CASE("a directory is emptied without leaving its file system", "[boot][disks]") {
    test::in_own_namespaces([] {
        const test::TemporaryDirectory directory;
        const fs::path top = directory.path() / "top";
        fs::path deep = top;
        for (int i = 0; i < 100; ++i)
            deep /= "d";
        fs::create_directories(deep);
        std::ofstream(deep / "file") << "x";
        fs::create_symlink(directory.path(), top / "link");
        fs::create_directories(top / "mount");
        std::ofstream(directory.path() / "outside") << "stays";
        REQUIRE(sys::mount(
            {.source = "tmpfs", .target = top / "mount", .type = "tmpfs", .flags = 0, .data = ""}));
        std::ofstream(top / "mount/inside") << "stays";
        const auto opened = lab::Descriptor(::open(top.c_str(), O_RDONLY | O_CLOEXEC));
        CHECK(sys::empty_directory(opened.get()));
        CHECK(sys::list_directory(top).value() == std::vector<std::string>{"mount"});
        CHECK(fs::exists(top / "mount/inside"));
        CHECK(fs::exists(directory.path() / "outside"));
        REQUIRE(sys::unmount(top / "mount"));
    });
}
