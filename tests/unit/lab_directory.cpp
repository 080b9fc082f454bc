// The folder of a machine, and how a dead machine's is told from a running one's.
#include "initramfs/file.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/error.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace rouse;
using lab::Directory;
using lab::Keep;

TEST_CASE("a folder is held as long as its owner lives", "[lab]") {
    const test::TemporaryDirectory parent;
    const auto path = parent.path() / "vm";
    REQUIRE_FALSE(lab::is_held(path));
    {
        const Directory owner(path, Keep::kept);
        REQUIRE(lab::is_held(path));
        REQUIRE_THROWS_AS(Directory(path, Keep::kept), lab::LabError);
    }
    REQUIRE_FALSE(lab::is_held(path));
    REQUIRE(std::filesystem::exists(path));
}

TEST_CASE("a dead machine's remains make way for a new one", "[lab]") {
    const test::TemporaryDirectory parent;
    const auto path = parent.path() / "vm";
    std::filesystem::create_directories(path);
    initramfs::write_file(path / "old", "x");
    const Directory owner(path, Keep::removed);
    REQUIRE(std::filesystem::is_empty(path));
}

TEST_CASE("a temporary folder goes with its owner", "[lab]") {
    std::filesystem::path path;
    {
        const Directory owner = Directory::temporary("unit");
        path = owner.path();
        REQUIRE(std::filesystem::exists(path));
    }
    REQUIRE_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a path that is too long for sockets is refused with the remedy", "[lab]") {
    const test::TemporaryDirectory parent;
    REQUIRE_THROWS_AS(Directory(parent.path() / std::string(120, 'x'), Keep::removed),
                      lab::LabError);
}
