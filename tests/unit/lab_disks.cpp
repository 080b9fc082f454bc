// Disks and shares of the lab's machines, and the modules that an image for them holds.
#include "initramfs/file.hpp"
#include "initramfs/image.hpp"
#include "initramfs/modules.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/disk.hpp"
#include "tools/lab/error.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using Arguments = std::vector<std::string>;

TEST_CASE("a disk is a file, what becomes of its writes, and a serial", "[lab][disks]") {
    const test::TemporaryDirectory folder;
    const std::string file = folder.path() / "a b";
    initramfs::write_file(file, "");
    CHECK(lab::parse_disk(file).writes == lab::DiskWrites::kept);
    const lab::Disk disk = lab::parse_disk(file + ",ro,serial=x=1");
    CHECK(disk.file == file);
    CHECK(disk.writes == lab::DiskWrites::refused);
    CHECK(disk.serial == "x=1");
    CHECK(lab::parse_disk(file + ",snapshot").writes == lab::DiskWrites::forgotten);
    CHECK_THROWS_WITH(lab::parse_disk(file + ",rw"), ContainsSubstring("is not of the form FILE"));
    CHECK_THROWS_WITH(lab::parse_disk("/nonexistent"), ContainsSubstring("no disk image"));
}

TEST_CASE("QEMU gets each disk in a slot of its own, and names with commas", "[lab][disks]") {
    CHECK(lab::disk_arguments({.file = "/a,b", .writes = lab::DiskWrites::refused, .serial = "s"},
                              0) ==
          Arguments{"-drive", "file=/a,,b,format=raw,if=none,id=disk0,readonly=on", "-device",
                    "virtio-blk-pci,drive=disk0,addr=0x11,serial=s"});
    CHECK(lab::disk_arguments({.file = "/c", .writes = lab::DiskWrites::forgotten, .serial = ""},
                              2) == Arguments{"-drive",
                                              "file=/c,format=raw,if=none,id=disk2,snapshot=on",
                                              "-device", "virtio-blk-pci,drive=disk2,addr=0x13"});
}

TEST_CASE("a share is a directory and the tag that the guest knows it by", "[lab][disks]") {
    const test::TemporaryDirectory folder;
    const lab::Share share = lab::parse_share(folder.path().string() + "=t");
    CHECK(share.directory == folder.path());
    CHECK(share.tag == "t");
    CHECK(share.by == lab::ShareBy::virtiofs);
    CHECK(lab::parse_share(folder.path().string() + "=t,9p").by == lab::ShareBy::nine_p);
    for (const char* const text : {"", "=", "/tmp", "/tmp=", "=t", "/tmp=,9p"})
        CHECK_THROWS_WITH(lab::parse_share(text), ContainsSubstring("DIRECTORY=TAG"));
    CHECK_THROWS_WITH(lab::parse_share("/nonexistent=t"), ContainsSubstring("no directory"));
    CHECK(lab::share_arguments({.directory = "/d", .tag = "t", .by = lab::ShareBy::nine_p}, 1, "")
              .back() == "virtio-9p-pci,fsdev=share1,mount_tag=t");
    CHECK(lab::share_arguments({.directory = "/d", .tag = "t"}, 0, "/s,1") ==
          Arguments{"-chardev", "socket,id=share0,path=/s,,1", "-device",
                    "vhost-user-fs-pci,chardev=share0,tag=t"});
}

TEST_CASE("an image holds the index of its modules, and wanted ones where the kernel has them",
          "[initramfs][disks]") {
    const test::TemporaryDirectory folder;
    const auto modules = folder.path() / "lib/modules/6.0-x";
    std::filesystem::create_directories(modules / "kernel");
    initramfs::write_file(folder.path() / "version", "6.0-x\n");
    initramfs::write_file(modules / "modules.builtin", "kernel/ext4.ko\n");
    initramfs::write_file(modules / "modules.dep", "kernel/top-level.ko: kernel/below.ko\n"
                                                   "kernel/below.ko:\n");
    const initramfs::Kernel kernel(folder.path());
    CHECK(kernel.has("ext4"));
    CHECK(kernel.has("top_level"));
    CHECK(kernel.has("below"));
    CHECK_FALSE(kernel.has("erofs"));

    initramfs::write_file(folder.path() / "init", "");
    initramfs::ImageOptions options;
    options.init = folder.path() / "init";
    options.kernel = folder.path();
    options.modules.clear();
    options.extra_modules.clear();
    options.wanted_modules = {"erofs", "ext4"};
    options.busybox.clear();
    options.compression = initramfs::Compression::none;
    CHECK_THAT(initramfs::build_image(options), ContainsSubstring("lib/modules/6.0-x/modules.dep"));
}
