// tools/bake on each form of a root file system.
#include "initramfs/file.hpp"
#include "tests/support/command.hpp"
#include "tests/support/loop_device.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <sys/stat.h>

using namespace rouse;
namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using initramfs::read_file;
using initramfs::write_file;
using Words = std::vector<std::string>;

namespace {

test::Said run_program(Words argv) {
    return test::run_command(std::move(argv), std::chrono::seconds(60));
}

std::string must(Words argv) {
    const test::Said said = run_program(std::move(argv));
    INFO(said.error);
    REQUIRE(said.status == 0);
    return said.output;
}

/// A root file system of merged directories, with an init of its own, and what is baked into it.
class Oven {
public:
    Oven() {
        fs::create_directories(rootfs() / "usr/sbin");
        fs::create_directories(rootfs() / "etc");
        fs::create_directory_symlink("usr/sbin", rootfs() / "sbin");
        write_file(rootfs() / "usr/sbin/init", "of somebody else\n");
        write_file(path("agent"), "the agent\n");
        write_file(path("config"), "{\"hostname\": \"baked\"}\n");
        write_file(path("oci"), "{\"config\": {}}\n");
        fs::permissions(path("agent"), fs::perms::owner_all);
    }

    [[nodiscard]] fs::path path(const std::string& name) const { return folder_.path() / name; }
    [[nodiscard]] fs::path rootfs() const { return path("rootfs"); }

    [[nodiscard]] test::Said bake(const fs::path& target, Words more = {}) const {
        const std::string script = ROUSE_SOURCE_ROOT "/tools/bake";
        Words argv{script, "--agent", path("agent")};
        argv.insert(argv.end(), {"--config", path("config"), "--oci", path("oci")});
        argv.insert(argv.end(), more.begin(), more.end());
        argv.push_back(target);
        return run_program(std::move(argv));
    }

    void must_bake(const fs::path& target) const {
        const test::Said said = bake(target);
        INFO(said.output << said.error);
        REQUIRE(said.status == 0);
        CHECK_THAT(said.output, ContainsSubstring("/usr/sbin/init"));
    }

private:
    test::TemporaryDirectory folder_;
};

void check_baked(const fs::path& rootfs) {
    CHECK(read_file(rootfs / "usr/sbin/rouse") == "the agent\n");
    CHECK(fs::read_symlink(rootfs / "usr/sbin/init") == "rouse");
    CHECK(read_file(rootfs / "etc/rouse/config.json") == "{\"hostname\": \"baked\"}\n");
    CHECK(read_file(rootfs / "etc/rouse/image.json") == "{\"config\": {}}\n");
    CHECK(fs::read_symlink(rootfs / "sbin") == "usr/sbin");
    for (const char* const name : {"dev", "proc", "run", "sys", "tmp"})
        CHECK(fs::is_directory(rootfs / name));
}

/// Of what is in a directory; an image has to be asked, since its copies lose the sticky bit.
mode_t permissions_of(const fs::path& file) {
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

void check_modes(const fs::path& rootfs) {
    CHECK(permissions_of(rootfs / "tmp") == 01777);
    CHECK(permissions_of(rootfs / "usr/sbin/rouse") == 0755);
}

} // namespace

TEST_CASE("rouse is baked into a directory, twice as well as once", "[bake]") {
    const Oven oven;
    for (int i = 0; i < 2; ++i)
        oven.must_bake(oven.rootfs());
    check_baked(oven.rootfs());
    check_modes(oven.rootfs());
    CHECK(read_file(oven.rootfs() / "usr/sbin/init.before-rouse") == "of somebody else\n");
}

TEST_CASE("rouse is baked into a tar archive", "[bake]") {
    const Oven oven;
    const std::string archive = oven.path("rootfs.tar");
    must({"tar", "-C", oven.rootfs(), "-cf", archive, "."});
    for (int i = 0; i < 2; ++i)
        oven.must_bake(archive);
    fs::create_directory(oven.path("unpacked"));
    must({"tar", "-C", oven.path("unpacked"), "-xpf", archive});
    check_baked(oven.path("unpacked"));
    check_modes(oven.path("unpacked"));
}

TEST_CASE("rouse is baked into an ext4 image without a mount", "[bake]") {
    const Oven oven;
    const std::string image = oven.path("rootfs.ext4");
    test::make_sparse_file(image, std::uint64_t(8) * 1024 * 1024);
    must({"/usr/sbin/mkfs.ext4", "-q", "-d", oven.rootfs(), image});
    for (int i = 0; i < 2; ++i)
        oven.must_bake(image);
    must({"/usr/sbin/e2fsck", "-fn", image});
    fs::create_directory(oven.path("unpacked"));
    must({"/usr/sbin/debugfs", "-R", "rdump / " + oven.path("unpacked").string(), image});
    check_baked(oven.path("unpacked"));
    for (const auto& [file, mode] :
         {std::pair{"/tmp", "Mode:  01777"}, std::pair{"/usr/sbin/rouse", "Mode:  0755"}})
        CHECK_THAT(must({"/usr/sbin/debugfs", "-R", std::string("stat ") + file, image}),
                   ContainsSubstring(mode));
    CHECK(read_file(oven.path("unpacked/usr/sbin/init.before-rouse")) == "of somebody else\n");
}

TEST_CASE("links that stay in a root file system are followed", "[bake]") {
    const Oven oven;
    fs::rename(oven.rootfs() / "etc", oven.rootfs() / "usr/etc");
    fs::create_directory_symlink("usr/etc", oven.rootfs() / "etc");
    for (const char* const sbin : {"usr/sbin", "/usr/sbin", "../usr/sbin"}) {
        CAPTURE(sbin);
        fs::remove(oven.rootfs() / "sbin");
        fs::create_directory_symlink(sbin, oven.rootfs() / "sbin");
        oven.must_bake(oven.rootfs());
        CHECK(fs::read_symlink(oven.rootfs() / "usr/sbin/init") == "rouse");
        CHECK(read_file(oven.rootfs() / "usr/etc/rouse/image.json") == "{\"config\": {}}\n");
    }
}

TEST_CASE("nothing is baked to where a root file system's links lead out of it", "[bake]") {
    for (const std::string name : {"etc", "etc/rouse", "usr", "usr/sbin"}) {
        for (const bool is_absolute : {true, false}) {
            CAPTURE(name, is_absolute);
            const Oven oven;
            const fs::path outside = oven.path("outside");
            const fs::path link = oven.rootfs() / name;
            fs::create_directories(outside / "sbin");
            write_file(outside / "sbin/init", "of the host\n");
            write_file(outside / "init", "of the host\n");
            fs::remove_all(link);
            fs::create_directory_symlink(
                is_absolute ? outside : fs::relative(outside, link.parent_path()), link);
            const test::Said said = oven.bake(oven.rootfs());
            CHECK(said.status == 1);
            CHECK_THAT(said.error,
                       ContainsSubstring("/" + name) && ContainsSubstring("leads out of"));
            CHECK(read_file(outside / "init") == "of the host\n");
            CHECK(read_file(outside / "sbin/init") == "of the host\n");
            CHECK(std::distance(fs::recursive_directory_iterator(outside), {}) == 3);
            CHECK_FALSE(fs::exists(oven.rootfs() / "usr/sbin/rouse"));
            CHECK_FALSE(fs::exists(oven.rootfs() / "tmp"));
        }
    }
}

TEST_CASE("what rouse cannot be baked into is said, and why", "[bake]") {
    const Oven oven;
    write_file(oven.path("text"), "no root file system\n");
    const test::Said text = oven.bake(oven.path("text"));
    CHECK(text.status == 1);
    CHECK_THAT(text.error, ContainsSubstring("is neither a directory nor"));
    CHECK_THAT(oven.bake(oven.path("absent")).error, ContainsSubstring("there is no root file"));
    CHECK_THAT(oven.bake(oven.rootfs(), {"--module", "ext4"}).error,
               ContainsSubstring("--module needs --kernel"));
    CHECK_THAT(oven.bake(oven.rootfs(), {"--config", "/nonexistent"}).error,
               ContainsSubstring("there is no file '/nonexistent'"));
    CHECK_THAT(oven.bake(oven.rootfs(), {"--colour"}).error,
               ContainsSubstring("unknown option '--colour'"));
    CHECK_FALSE(fs::exists(oven.rootfs() / "usr/sbin/rouse"));

    const std::string image = oven.path("full.ext4");
    test::make_sparse_file(image, std::uint64_t(1024) * 1024);
    must({"/usr/sbin/mkfs.ext4", "-q", image});
    write_file(oven.path("agent"), std::string(std::size_t(2) * 1024 * 1024, 'x'));
    const test::Said full = oven.bake(image);
    CHECK(full.status == 1);
    CHECK_THAT(full.error, ContainsSubstring("is it full?"));
}
