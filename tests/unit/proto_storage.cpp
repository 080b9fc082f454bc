// What a configuration says about the root, volumes and swap.
#include "proto/config.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse::proto;
using Words = std::vector<std::string>;
using std::chrono::milliseconds;

namespace {

Words texts_of(const std::vector<Problem>& problems) {
    Words texts;
    for (const Problem& problem : problems)
        texts.push_back(problem.message());
    return texts;
}

const std::string device_forms =
    "must be a path, or begin with LABEL=, UUID=, PARTUUID= or SERIAL=";

} // namespace

TEST_CASE("a device is named by path, label, uuid, partition uuid or serial", "[proto][disks]") {
    CHECK(parse_device_name("/dev/vda") == DeviceName{DeviceKey::path, "/dev/vda"});
    CHECK(parse_device_name("LABEL=my root") == DeviceName{DeviceKey::label, "my root"});
    CHECK(parse_device_name("UUID=ab-1") == DeviceName{DeviceKey::uuid, "ab-1"});
    CHECK(parse_device_name("PARTUUID=ab-01") == DeviceName{DeviceKey::part_uuid, "ab-01"});
    CHECK(parse_device_name("SERIAL=a=b") == DeviceName{DeviceKey::serial, "a=b"});
    for (const char* const text : {"", "vda", "LABEL=", "LABELx", "ID=x", "/", "dev/vda",
                                   "/dev/../etc", "/dev//vda", "/dev/", "label=x"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_device_name(text));
    }
}

TEST_CASE("root, volumes and swap are read member by member", "[proto][disks]") {
    const ReadConfig read = read_config(R"({
        "root": {"source": "LABEL=root", "type": "ext4", "options": "noatime", "read_only": true,
                 "overlay": "tmpfs", "overlay_options": "size=64m", "wait_ms": 7},
        "volumes": [{"source": "UUID=u", "target": "/data", "type": "ext4", "options": "nosuid",
                     "read_only": true, "optional": true, "wait_ms": 8},
                    {"target": "/scratch", "type": "tmpfs"},
                    {"source": "share", "target": "/host", "type": "virtiofs"},
                    {"source": "/srv/a", "target": "/srv/b", "type": "bind"}],
        "swap": [{"source": "SERIAL=s", "priority": 5, "wait_ms": 9}, {"source": "/swapfile"}]})");
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    CHECK(read.config.root == RootConfig{.source = "LABEL=root",
                                         .type = "ext4",
                                         .options = "noatime",
                                         .read_only = true,
                                         .overlay = "tmpfs",
                                         .overlay_options = "size=64m",
                                         .wait = milliseconds(7)});
    REQUIRE(read.config.volumes.size() == 4);
    CHECK(read.config.volumes[0] == VolumeConfig{.source = "UUID=u",
                                                 .target = "/data",
                                                 .type = "ext4",
                                                 .options = "nosuid",
                                                 .read_only = true,
                                                 .optional = true,
                                                 .wait = milliseconds(8)});
    CHECK(read.config.volumes[3] ==
          VolumeConfig{.source = "/srv/a", .target = "/srv/b", .type = "bind", .options = ""});
    CHECK(read.config.swap ==
          std::vector{SwapConfig{.source = "SERIAL=s", .priority = 5, .wait = milliseconds(9)},
                      SwapConfig{.source = "/swapfile"}});
}

TEST_CASE("errors of disks carry the JSON path", "[proto][disks]") {
    const ReadConfig read = read_config(R"({
        "root": {"source": 1, "type": "ex t4", "options": "a b", "read_only": "yes",
                 "overlay": "ramdisk", "overlay_options": "a\nb", "wait_ms": -1, "colour": 1},
        "volumes": [{"source": "vda", "target": "data", "wait_ms": "long"},
                    {"target": "/", "type": "tmpfs", "optional": 1, "options": 2},
                    {"source": "", "target": "/host", "type": "virtiofs", "read_only": 0},
                    {"source": "a", "target": "/b/../c", "type": "bind"},
                    {"source": "LABEL=x", "type": "a/b"}, 7],
        "swap": [{"source": "vdb", "priority": 32768, "wait_ms": 0.5}, {}]})");
    CHECK(texts_of(read.problems.errors) ==
          Words{"$.root.source: must be a string",
                "$.root.type: must be the name of a file system",
                "$.root.options: must be options with commas between, without blanks",
                "$.root.read_only: must be true or false",
                "$.root.overlay_options: must be options with commas between, without blanks",
                "$.root.wait_ms: must be a whole number from 0 to 86400000",
                "$.root.overlay: must be tmpfs or a device: " + device_forms,
                "$.volumes[0].wait_ms: must be a whole number from 0 to 86400000",
                "$.volumes[0].target: must be an absolute path, and not /",
                "$.volumes[0].source: " + device_forms,
                "$.volumes[1].options: must be a string",
                "$.volumes[1].optional: must be true or false",
                "$.volumes[1].target: must be an absolute path, and not /",
                "$.volumes[2].read_only: must be true or false",
                "$.volumes[2].source: must be the tag of the host's directory",
                "$.volumes[3].target: must be an absolute path, and not /",
                "$.volumes[3].source: must be an absolute path",
                "$.volumes[4].target: is missing",
                "$.volumes[4].type: must be the name of a file system",
                "$.volumes[4].target: must be an absolute path, and not /",
                "$.volumes[5]: must be an object",
                "$.volumes[5].target: must be an absolute path, and not /",
                "$.volumes[5].source: " + device_forms,
                "$.swap[0].priority: must be a whole number from 0 to 32767, or null",
                "$.swap[0].wait_ms: must be a whole number from 0 to 86400000",
                "$.swap[0].source: " + device_forms,
                "$.swap[1].source: is missing",
                "$.swap[1].source: " + device_forms});
    CHECK(texts_of(read.problems.unknown) == Words{"$.root.colour: is not a known key"});
    CHECK(texts_of(read_config(R"({"volumes": {}, "swap": 1, "root": "x"})").problems.errors) ==
          Words{"$.root: must be an object", "$.volumes: must be an array",
                "$.swap: must be an array"});
    CHECK(texts_of(read_config(R"({"root": {"type": "tmpfs"}})").problems.errors) ==
          Words{"$.root.type: must be the file system of a device, virtiofs or 9p"});
    std::string many = R"({"swap": [{"source": "/a"})";
    for (std::size_t i = 0; i < limits::volumes; ++i)
        many += R"(, {"source": "/a"})";
    CHECK(texts_of(read_config(many + "]}").problems.errors) ==
          Words{"$.swap: must have at most 64 elements"});
}

TEST_CASE("an initramfs learns its root from the kernel command line", "[proto][disks]") {
    const ReadConfig read = read_kernel_command_line(
        "root=/dev/ignored rouse.root=LABEL=root rouse.rootfstype=ext4 "
        "rouse.rootflags=noatime,data=ordered rouse.overlay=SERIAL=scratch "
        "rouse.overlayflags=nodev rouse.root_wait_ms=2500");
    REQUIRE(read.problems.errors.empty());
    REQUIRE(read.problems.unknown.empty());
    CHECK(read.config.root == RootConfig{.source = "LABEL=root",
                                         .type = "ext4",
                                         .options = "noatime,data=ordered",
                                         .read_only = false,
                                         .overlay = "SERIAL=scratch",
                                         .overlay_options = "nodev",
                                         .wait = milliseconds(2500)});
    const ReadConfig tag = read_kernel_command_line("rouse.root=hostdir rouse.rootfstype=virtiofs");
    CHECK(tag.problems.errors.empty());
    CHECK(tag.config.root.source == "hostdir");
    CHECK(texts_of(read_kernel_command_line("rouse.overlay=none").problems.errors) ==
          Words{"rouse.overlay: must be tmpfs or a device: " + device_forms});
}
