// What goes into a guest image, and in which order its modules load.
#include "initramfs/file.hpp"
#include "initramfs/image.hpp"
#include "initramfs/modules.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <stdexcept>
#include <string>

using namespace rouse;
using initramfs::parse_extra_file;

TEST_CASE("modules load in the order that modprobe names them", "[initramfs]") {
    const auto files =
        initramfs::parse_show_depends("insmod /r/lib/modules/6/virtio_ring.ko \n"
                                      "insmod /r/lib/modules/6/virtio.ko.xz option=1\n"
                                      "builtin virtio_pci\n");
    REQUIRE(files.size() == 2);
    REQUIRE(files.at(0) == "/r/lib/modules/6/virtio_ring.ko");
    REQUIRE(files.at(1) == "/r/lib/modules/6/virtio.ko.xz");
}

TEST_CASE("a module lies in the guest without the ending of its compression", "[initramfs]") {
    for (const std::string ending : {"", ".xz", ".zst"})
        REQUIRE(initramfs::guest_module_path("/r/lib/modules/6/vsock.ko" + ending, "/r") ==
                "/lib/modules/6/vsock.ko");
}

TEST_CASE("a module that is built in needs no file", "[initramfs]") {
    const test::TemporaryDirectory folder;
    initramfs::write_file(folder.path() / "version", "6.0-x\n");
    SECTION("by the list of built-in modules") {
        std::filesystem::create_directories(folder.path() / "lib/modules/6.0-x");
        initramfs::write_file(folder.path() / "lib/modules/6.0-x/modules.builtin",
                              "kernel/drivers/virtio/virtio-pci.ko\n");
    }
    SECTION("by the configuration, where that list is missing") {
        initramfs::write_file(folder.path() / "config", "CONFIG_A=y\nCONFIG_VIRTIO_PCI=y\n");
    }
    const initramfs::Kernel kernel(folder.path());
    REQUIRE(kernel.version() == "6.0-x");
    REQUIRE(kernel.load_order("virtio_pci").empty());
}

TEST_CASE("an extra file is a source, a destination and maybe a mode", "[initramfs]") {
    const auto plain = parse_extra_file("/bin/a=/bin/b");
    REQUIRE(plain.source == "/bin/a");
    REQUIRE(plain.destination == "/bin/b");
    REQUIRE_FALSE(plain.mode);
    REQUIRE(parse_extra_file("a=/b:4755").mode == 04755U);
    REQUIRE(parse_extra_file("a=/b:c").destination == "/b:c");
    REQUIRE_THROWS_AS(parse_extra_file("a"), std::invalid_argument);
    REQUIRE_THROWS_AS(parse_extra_file("=/b"), std::invalid_argument);
    REQUIRE_THROWS_AS(parse_extra_file("a="), std::invalid_argument);
}

TEST_CASE("the same input gives the same image", "[initramfs]") {
    const test::TemporaryDirectory folder;
    initramfs::write_file(folder.path() / "init", "#!/bin/sh\n");
    initramfs::ImageOptions options;
    options.init = folder.path() / "init";
    options.busybox.clear();
    options.config = "{}";
    options.compression = initramfs::Compression::none;
    const std::string image = initramfs::build_image(options);
    REQUIRE(image == initramfs::build_image(options));
    for (const std::string path : {"init", "dev/console", "etc/passwd", "etc/rouse/config.json",
                                   "etc/rouse/modules", "proc", "tmp"})
        CHECK(image.find(path + '\0') != std::string::npos);
}

TEST_CASE("a file that cannot be read is named", "[initramfs]") {
    const test::TemporaryDirectory folder;
    REQUIRE_THROWS_WITH(initramfs::read_file(folder.path() / "absent"),
                        Catch::Matchers::ContainsSubstring("absent") &&
                            Catch::Matchers::ContainsSubstring("No such file"));
    REQUIRE_THROWS(initramfs::read_file(folder.path()));
}
