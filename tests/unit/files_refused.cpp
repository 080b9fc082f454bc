// Archives and neighbours that would lead outside of the directory: nothing leaves it.

#include "tests/support/temporary_directory.hpp"
#include "tests/unit/files_rig.hpp"

#include <catch2/matchers/catch_matchers_string.hpp>

#include <atomic>
#include <chrono>
#include <thread>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using files::EntryType;
using test::archive_of;
using test::content;
using test::Member;
using test::put;
using test::refusal;
using test::status_of;
using test::TemporaryDirectory;
using test::unpack;
namespace fs = std::filesystem;

TEST_CASE("what would leave the directory is refused by name, and nothing leaves it", "[files]") {
    struct Row {
        std::vector<Member> members;
        std::string refused;
    };
    const std::string victim = "victim";
    const auto file = [](std::string name) { return test::file_member(std::move(name), "evil"); };
    const auto symlink = [](std::string name, std::string target) {
        return test::link_member(EntryType::symlink, std::move(name), std::move(target));
    };
    const auto hard = [](std::string name, std::string target) {
        return test::link_member(EntryType::hard_link, std::move(name), std::move(target));
    };
    const std::vector<Row> rows{
        {{file("/victim")}, "bad_archive: /victim: an absolute"},
        {{file("//victim")}, "bad_archive: //victim: an absolute"},
        {{file("../victim")}, "bad_archive: ../victim: a name with"},
        {{file("a/../../victim")}, "bad_archive: a/../../victim: a name with"},
        {{test::directory_member("..")}, "bad_archive: ..: a name with"},
        {{file("a/..")}, "bad_archive: a/..: a name with"},
        {{symlink("up", ".."), file("up/victim")}, "bad_archive: up/victim: a symbolic link"},
        {{symlink("up", "/"), file("up/victim")}, "bad_archive: up/victim: a symbolic link"},
        {{symlink("a", "b"), symlink("b", ".."), file("a/victim")}, "a/victim: a symbolic link"},
        {{symlink("d", "../victim.d"), file("d/new/file")}, "d/new/file: a symbolic link"},
        {{symlink("up", ".."), test::directory_member("up/made")}, "up/made: a symbolic link"},
        {{symlink("l", "/proc/self/root"), file("l/victim")}, "l/victim: a symbolic link"},
        {{hard("h", "../victim")}, "bad_archive: h: it links to \"../victim\""},
        {{hard("h", "/victim")}, "bad_archive: h: it links to \"/victim\""},
        {{symlink("up", ".."), hard("h", "up/victim")}, "bad_archive: h: it links to"},
        {{hard("h", "nothing")}, "conflict: h: it links to \"nothing\""},
        {{test::directory_member("d"), file("d")}, "conflict: d: it cannot take the place"},
        {{file("f"), test::directory_member("f")}, "conflict: f: a directory cannot"},
        {{symlink("s", "."), test::directory_member("s")}, "conflict: s: a directory cannot"},
        {{file("f"), file("f/g")}, "conflict: f/g: something on its way"},
        {{symlink("s", "s"), file("s/x")}, "conflict: s/x"},
        {{file("./.")}, "bad_archive: ./.: it has the root's own name"},
        {{file(std::string(300, 'x'))}, "File name too long"},
    };
    for (const Row& row : rows) {
        const TemporaryDirectory folder;
        const fs::path root = folder.path() / "root";
        fs::create_directory(root);
        put(folder.path() / victim, "safe");
        fs::create_directory(folder.path() / "victim.d");
        INFO(row.refused);
        CHECK_THAT(refusal(unpack(root, archive_of(row.members))), ContainsSubstring(row.refused));
        CHECK(content(folder.path() / victim) == "safe");
        CHECK(status_of(folder.path() / victim).st_nlink == 1);
        CHECK(fs::is_empty(folder.path() / "victim.d"));
        CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
    }
}

TEST_CASE("devices are refused, and nothing is left of a file that was cut off", "[files]") {
    const TemporaryDirectory folder;
    for (const char type : {'3', '4'}) {
        files::TarHeader header;
        header.name = "dev";
        header.type = type;
        CHECK_THAT(refusal(unpack(folder.path(), test::raw_block(header) + test::end_mark)),
                   ContainsSubstring("bad_archive: dev: a device node"));
    }
    const std::string whole = archive_of({test::file_member("cut", std::string(5000, 'x'))});
    CHECK_THAT(refusal(unpack(folder.path(), whole.substr(0, 2000))),
               ContainsSubstring("bad_archive: cut: the archive ends"));
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("links that stay inside are followed, and links are replaced, not followed", "[files]") {
    const TemporaryDirectory folder;
    const fs::path root = folder.path() / "root";
    fs::create_directories(root / "real");
    fs::create_directory_symlink("real", root / "alias");
    put(folder.path() / "outside", "safe");
    fs::create_symlink(folder.path() / "outside", root / "real/target");
    CHECK(refusal(unpack(root, archive_of({test::file_member("alias/target", "new")}))) ==
          "it was done");
    CHECK(content(root / "real/target") == "new");
    CHECK_FALSE(fs::is_symlink(root / "real/target"));
    CHECK(content(folder.path() / "outside") == "safe");
}

TEST_CASE("somebody who swaps directories for links meanwhile leads nothing outside", "[files]") {
    const TemporaryDirectory folder;
    const fs::path root = folder.path() / "root";
    const fs::path outside = folder.path() / "outside";
    fs::create_directories(root / "d");
    fs::create_directory(outside);
    fs::create_directory_symlink(outside, root / "link");
    std::atomic<bool> done = false;
    std::atomic<int> swaps = 0;
    std::thread swapper([&] {
        // d is by turns a directory and a link to outside.
        while (!done)
            if (::renameat2(AT_FDCWD, (root / "d").c_str(), AT_FDCWD, (root / "link").c_str(),
                            RENAME_EXCHANGE) == 0)
                ++swaps;
    });
    int unpacked = 0;
    int refused = 0;
    std::string odd;
    std::vector<Member> members{test::directory_member("d/e"), test::file_member("d/f", "evil"),
                                test::file_member("d/e/f", "evil"),
                                test::link_member(EntryType::hard_link, "d/h", "d/f")};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    // Both outcomes have to be seen often: then the race was a race.
    while ((unpacked < 100 || refused < 100) && std::chrono::steady_clock::now() < end) {
        const std::string said = refusal(unpack(root, archive_of(members)));
        const bool is_refusal = said.starts_with("bad_archive: d/") ||
                                said.starts_with("conflict: d/") ||
                                said.starts_with("not_found: d/");
        ++(said == "it was done" ? unpacked : refused);
        if (said != "it was done" && !is_refusal) odd = said;
    }
    done = true;
    swapper.join();
    CHECK(odd == "");
    CHECK(unpacked >= 100);
    CHECK(refused >= 100);
    CHECK(swaps > 100);
    CHECK(fs::is_empty(outside));
}
