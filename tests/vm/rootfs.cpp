#include "tests/vm/rootfs.hpp"

#include "initramfs/file.hpp"
#include "tests/support/command.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <fstream>

namespace rouse::test {
namespace {

namespace fs = std::filesystem;
constexpr auto tool_limit = std::chrono::minutes(2);
constexpr std::uint64_t mebibyte = std::uint64_t(1024) * 1024;

void make_sparse(const fs::path& file, std::uint64_t bytes) {
    std::ofstream(file).close();
    fs::resize_file(file, bytes);
}

void bake(const fs::path& target, const fs::path& folder, const std::string& config) {
    std::vector<std::string> argv{lab::source_root() / "tools/bake", "--agent",
                                  lab::build_product("agent/rouse")};
    if (!config.empty()) {
        initramfs::write_file(folder / "config.json", config);
        argv.insert(argv.end(), {"--config", folder / "config.json"});
    }
    argv.push_back(target);
    run_tool(std::move(argv));
}

/// The first sector of a disk of `sectors` with one Linux partition from `start` on.
/// Source: the master boot record of the IBM PC.
std::array<char, 512> boot_record(std::uint32_t start, std::uint32_t sectors) {
    std::array<char, 512> record{};
    const auto put = [&record](std::size_t at, std::uint32_t number) {
        for (std::size_t i = 0; i < 4; ++i)
            record.at(at + i) = static_cast<char>(number >> (8 * i) & 0xffU);
    };
    constexpr std::size_t disk_id = 0x1b8;
    constexpr std::size_t entry = 0x1be;
    put(disk_id, 0x20260101);
    record.at(entry + 4) = '\x83';
    put(entry + 8, start);
    put(entry + 12, sectors);
    record.at(510) = '\x55';
    record.at(511) = '\xaa';
    return record;
}

} // namespace

void run_tool(std::vector<std::string> argv) {
    const std::string name = argv.front();
    const Said said = run_command(std::move(argv), tool_limit);
    INFO(name << ": " << said.output << said.error);
    REQUIRE(said.status == 0);
}

fs::path DiskShelf::debian(const std::string& config) const {
    const fs::path image = path("debian.ext4");
    run_tool({"cp", "--sparse=always", lab::debian_rootfs().image, image});
    bake(image, folder_.path(), config);
    return image;
}

fs::path DiskShelf::debian_packed(const std::string& type) const {
    const fs::path tree = path("debian");
    fs::create_directory(tree);
    run_tool({"tar", "-C", tree, "--numeric-owner", "-xpf", lab::debian_rootfs().archive});
    bake(tree, folder_.path(), {});
    const fs::path image = path("debian." + type);
    if (type == "erofs")
        run_tool({"mkfs.erofs", image, tree});
    else
        run_tool({"mksquashfs", tree, image, "-comp", "gzip", "-quiet", "-no-progress"});
    return image;
}

fs::path DiskShelf::busybox_tree(const std::string& config) const {
    const fs::path tree = path("busybox");
    fs::create_directories(tree / "bin");
    fs::create_directories(tree / "sbin");
    fs::copy_file("/usr/bin/busybox", tree / "bin/busybox");
    for (const char* const applet : {"sh", "cat", "ls", "grep", "sleep"})
        fs::create_symlink("busybox", tree / "bin" / applet);
    bake(tree, folder_.path(), config);
    return tree;
}

fs::path DiskShelf::busybox(const std::string& config) const {
    const fs::path tree = busybox_tree(config);
    const fs::path image = path("busybox.ext4");
    make_sparse(image, 32 * mebibyte);
    run_tool({"/usr/sbin/mkfs.ext4", "-q", "-L", "busybox", "-d", tree, image});
    return image;
}

fs::path DiskShelf::empty(const std::string& label) const {
    const fs::path image = path(label + ".ext4");
    make_sparse(image, 64 * mebibyte);
    // Pages are the smallest thing that debugfs leaves out of a file when they hold nothing.
    run_tool({"/usr/sbin/mkfs.ext4", "-q", "-b", "4096", "-L", label, image});
    return image;
}

fs::path DiskShelf::swap(const std::string& label) const {
    const fs::path image = path(label + ".swap");
    make_sparse(image, 64 * mebibyte);
    run_tool({"/usr/sbin/mkswap", "-L", label, image});
    return image;
}

fs::path DiskShelf::partitioned(const fs::path& image) const {
    constexpr std::uint32_t start = 2048;
    constexpr std::uint32_t sector = 512;
    const auto sectors = static_cast<std::uint32_t>(fs::file_size(image) / sector);
    const fs::path disk = path("partitioned");
    const auto record = boot_record(start, sectors);
    std::ofstream(disk, std::ios::binary).write(record.data(), record.size());
    run_tool({"dd", "if=" + image.string(), "of=" + disk.string(), "bs=1M", "seek=1",
              "conv=sparse,notrunc", "status=none"});
    fs::resize_file(disk, std::uint64_t(start + sectors) * sector);
    return disk;
}

void shut_down(Guest& guest) {
    // A moment later, when the answer to this is out.
    (void)in_guest(guest, "(sleep 1; kill -TERM 1) </dev/null >/dev/null 2>&1 &");
    guest.machine().wait_exit(patience);
}

std::string read_from_image(const fs::path& image, const std::string& file) {
    return run_command({"/usr/sbin/debugfs", "-R", "cat " + file, image}, tool_limit).output;
}

void check_clean(const fs::path& image) {
    const Said super =
        run_command({"/usr/sbin/debugfs", "-R", "show_super_stats -h", image}, tool_limit);
    INFO(super.output << super.error);
    CHECK_THAT(super.output, !Catch::Matchers::ContainsSubstring("needs_recovery") &&
                                 Catch::Matchers::Matches("[^]*Filesystem state: +clean\n[^]*"));
    run_tool({"/usr/sbin/e2fsck", "-fn", image});
}

} // namespace rouse::test
