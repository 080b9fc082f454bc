// The archive that becomes a guest's root file system.
#include "initramfs/cpio.hpp"
#include "initramfs/gzip.hpp"

#include <catch2/catch_test_macros.hpp>

#include <charconv>
#include <string>

using rouse::initramfs::Archive;

namespace {

/// The header field of the entry at `offset`: fields are eight hexadecimal digits behind the magic.
unsigned long field(const std::string& bytes, std::size_t offset, std::size_t number) {
    const char* digits = bytes.data() + offset + 6 + number * 8;
    unsigned long value = 0;
    std::from_chars(digits, digits + 8, value, 16);
    return value;
}

constexpr std::size_t mode_field = 1;
constexpr std::size_t owner_field = 2;
constexpr std::size_t time_field = 5;
constexpr std::size_t size_field = 6;
constexpr std::size_t header_size = 110;

/// Where the entry `name` starts; npos when there is none.
std::size_t entry(const std::string& bytes, const std::string& name) {
    const auto at = bytes.find(name + '\0');
    return at == std::string::npos ? at : at - header_size;
}

} // namespace

TEST_CASE("the same entries in any order give the same archive", "[initramfs]") {
    Archive one;
    one.add_file("etc/a", "1");
    one.add_file("bin/b", "2", 0755);
    Archive other;
    other.add_file("/bin/b", "2", 0755);
    other.add_file("/etc/a", "1");
    REQUIRE(one.serialise() == other.serialise());
}

TEST_CASE("an entry has no time and belongs to root", "[initramfs]") {
    Archive archive;
    archive.add_file("init", "abc", 0755);
    const std::string bytes = archive.serialise();
    const auto at = entry(bytes, "init");
    REQUIRE(field(bytes, at, mode_field) == 0100755);
    REQUIRE(field(bytes, at, owner_field) == 0);
    REQUIRE(field(bytes, at, time_field) == 0);
    REQUIRE(field(bytes, at, size_field) == 3);
}

TEST_CASE("missing parent directories are added before what they hold", "[initramfs]") {
    Archive archive;
    archive.add_file("lib/modules/one.ko", "x");
    const std::string bytes = archive.serialise();
    const auto lib = entry(bytes, "lib");
    const auto modules = entry(bytes, "lib/modules");
    REQUIRE(field(bytes, lib, mode_field) == 040755);
    REQUIRE(lib < modules);
    REQUIRE(modules < entry(bytes, "lib/modules/one.ko"));
}

TEST_CASE("a directory that was added keeps its mode when a file in it follows", "[initramfs]") {
    Archive archive;
    archive.add_directory("tmp", 01777);
    archive.add_file("tmp/a", "x");
    const std::string bytes = archive.serialise();
    REQUIRE(field(bytes, entry(bytes, "tmp"), mode_field) == 041777);
}

TEST_CASE("every entry starts at a multiple of four bytes", "[initramfs]") {
    for (const std::string name : {"a", "ab", "abc", "abcd"}) {
        for (std::size_t size = 0; size < 8; ++size) {
            Archive archive;
            archive.add_file(name, std::string(size, 'x'));
            const std::string bytes = archive.serialise();
            INFO(name << " with " << size << " bytes");
            REQUIRE(entry(bytes, "TRAILER!!!") % 4 == 0);
            REQUIRE(bytes.size() % 4 == 0);
        }
    }
}

TEST_CASE("compression adds no time and no name", "[initramfs]") {
    const std::string packed = rouse::initramfs::gzip("the same bytes");
    REQUIRE(packed == rouse::initramfs::gzip("the same bytes"));
    REQUIRE(packed.substr(0, 2) == "\x1f\x8b");
    REQUIRE(packed.substr(3, 5) == std::string(5, '\0')); // flags and time
}
