// Files that say who a machine is, replaced wherever they are.
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/replace_file.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

#include <sys/mount.h>
#include <sys/stat.h>

using namespace rouse;
using namespace rouse::sys;
namespace fs = std::filesystem;

namespace {

/// Places for files and for what covers them.
struct Places {
    [[nodiscard]] std::string file() const { return (directory.path() / "etc" / "name").string(); }
    [[nodiscard]] std::string covers() const { return (directory.path() / "run/covers").string(); }

    Result<Replaced> replace(const std::string& text, const std::stop_token& stop = {}) const {
        return replace_file(file(), text, 0444, stop, covers());
    }
    /// Makes etc a file system of its own that nothing can be written to.
    void make_read_only() const {
        const std::string etc = (directory.path() / "etc").string();
        REQUIRE(
            mount({.source = etc, .target = etc, .type = "none", .flags = MS_BIND, .data = {}}));
        REQUIRE(mount({.source = "none",
                       .target = etc,
                       .type = "none",
                       .flags = MS_REMOUNT | MS_BIND | MS_RDONLY,
                       .data = {}}));
    }

    test::TemporaryDirectory directory;
};

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode;
}

/// Of this thread, which has mounts of its own.
std::size_t mounts_on(const std::string& path) {
    std::size_t count = 0;
    for (const Mount& mount : parse_mounts(read_file("/proc/thread-self/mounts").value()))
        if (mount.target == path) ++count;
    return count;
}

} // namespace

TEST_CASE("a file is replaced as a whole, made where it is not there, a link replaced",
          "[network]") {
    const Places places;
    CHECK(places.replace("one\n").value() == Replaced::renamed);
    CHECK(read_file(places.file()).value() == "one\n");
    CHECK(mode_of(places.file()) == (S_IFREG | 0444));
    CHECK(places.replace("two\n").value() == Replaced::renamed);
    CHECK(read_file(places.file()).value() == "two\n");

    const std::string target = (places.directory.path() / "target").string();
    std::ofstream(target) << "of somebody else\n";
    fs::remove(places.file());
    fs::create_symlink(target, places.file());
    CHECK(places.replace("three\n").value() == Replaced::renamed);
    CHECK(mode_of(places.file()) == (S_IFREG | 0444));
    CHECK(read_file(target).value() == "of somebody else\n");

    std::stop_source stop;
    stop.request_stop();
    CHECK(places.replace("four\n", stop.get_token()).error() ==
          boost::system::errc::operation_canceled);
    CHECK(read_file(places.file()).value() == "three\n");
    const auto files = fs::directory_iterator(places.directory.path() / "etc");
    CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("a file of a read-only file system is covered once, and written in place from then on",
          "[network]") {
    test::in_own_namespaces([] {
        const Places places;
        REQUIRE(places.replace("baked\n").has_value());
        places.make_read_only();
        CHECK(places.replace("a longer first text\n").value() == Replaced::covered);
        CHECK(read_file(places.file()).value() == "a longer first text\n");
        for (int i = 0; i < 3; ++i)
            CHECK(places.replace("short\n").value() == Replaced::written);
        CHECK(read_file(places.file()).value() == "short\n");
        CHECK(mode_of(places.file()) == (S_IFREG | 0444));
        CHECK(mounts_on(places.file()) == 1);
        const auto other = (places.directory.path() / "etc" / "other").string();
        CHECK(replace_file(other, "x", 0644, {}, places.covers()).error() ==
              boost::system::errc::no_such_file_or_directory);
        REQUIRE(unmount(places.file()));
        CHECK(read_file(places.file()).value() == "baked\n");
        REQUIRE(unmount((places.directory.path() / "etc").string()));
    });
}

TEST_CASE("a file that is mounted itself is written in place", "[network]") {
    test::in_own_namespaces([] {
        const Places places;
        REQUIRE(places.replace("below\n").has_value());
        const std::string above = (places.directory.path() / "above").string();
        std::ofstream(above) << "of a container's host\n";
        REQUIRE(mount({.source = above,
                       .target = places.file(),
                       .type = "none",
                       .flags = MS_BIND,
                       .data = {}}));
        CHECK(places.replace("ours\n").value() == Replaced::written);
        CHECK(read_file(above).value() == "ours\n");
        REQUIRE(unmount(places.file()));
        CHECK(read_file(places.file()).value() == "below\n");
    });
}
