// How a root and its overlay are mounted: what the kernel says of it in namespaces of the test's
// own.

#include "agent/boot/root.hpp"
#include "proto/config.hpp"
#include "tests/unit/boot_memory_root.hpp"
#include "tests/unit/boot_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using test::can_write;
using test::Disk;

namespace {

/// The options of the mount on `path`, a comma before and behind each.
std::string options_of_mount(const std::string& path) {
    std::istringstream mounts(sys::read_file("/proc/thread-self/mounts").value());
    std::string source;
    std::string target;
    std::string type;
    std::string options;
    std::string rest;
    std::string found;
    while (mounts >> source >> target >> type >> options && std::getline(mounts, rest))
        if (target == path) found = "," + options + ",";
    return found;
}

/// A root that nobody may write to has to have them.
void make_mount_points(const Disk& disk) {
    const std::string place = "/run/place";
    REQUIRE(sys::make_directory(place, 0700));
    REQUIRE(sys::mount(
        {.source = disk.path(), .target = place, .type = "ext4", .flags = 0, .data = ""}));
    for (const std::string name : {"/dev", "/proc", "/sys", "/run"})
        REQUIRE(sys::make_directory(place + name, 0755));
    REQUIRE(sys::unmount(place));
}

/// Goes on in the root that the configuration names.
void enter_configured_root(const std::string& config) {
    const proto::ReadConfig read = proto::read_config(config);
    REQUIRE(read.problems.errors.empty());
    const boot::EnteredRoot entered = boot::enter_root(read.config.root);
    for (const boot::Step& step : entered.report.steps()) {
        CAPTURE(step.name, step.message);
        CHECK(step.ok);
    }
    REQUIRE(entered.outcome == boot::RootOutcome::switched);
}

} // namespace

TEST_CASE("a root is mounted with its options, and stays as it is where it is read-only",
          "[boot][disks]") {
    const Disk disk("rouse-options");
    test::in_memory_root([&] {
        make_mount_points(disk);
        enter_configured_root(R"({"root": {"source": "LABEL=rouse-options",
                                           "options": "noatime,nodev", "read_only": true}})");
        CHECK_THAT(options_of_mount("/"), StartsWith(",ro,") && ContainsSubstring(",noatime,") &&
                                              ContainsSubstring(",nodev,"));
        CHECK(sys::read_file("/etc/name").value() == "rouse-options\n");
        CHECK_FALSE(can_write("/etc"));
    });
}

TEST_CASE("an overlay in memory is mounted with its options", "[boot][disks]") {
    const Disk disk("rouse-beneath");
    test::in_memory_root([&] {
        enter_configured_root(R"({"root": {"source": "LABEL=rouse-beneath", "overlay": "tmpfs",
                                           "overlay_options": "size=1m,nosuid"}})");
        CHECK_THAT(options_of_mount(boot::overlay_upper),
                   ContainsSubstring(",size=1024k,") && ContainsSubstring(",nosuid,"));
        CHECK(can_write("/etc"));
    });
}
