// Packing and unpacking trees: what comes back, and what a path means.

#include "agent/files/file_status.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/files_rig.hpp"

#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <sys/socket.h>
#include <sys/un.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using files::EntryType;
using test::archive_of;
using test::content;
using test::description;
using test::grow;
using test::ignore_warning;
using test::Member;
using test::pack;
using test::put;
using test::refusal;
using test::status_of;
using test::TemporaryDirectory;
using test::unpack;
namespace fs = std::filesystem;

TEST_CASE("a tree comes back with owners, modes, times, links and holes", "[files]") {
    const TemporaryDirectory folder;
    const fs::path from = folder.path() / "from";
    const fs::path to = folder.path() / "to";
    fs::create_directory(from);
    grow(from);
    const std::string archive = pack(from / "");
    // Its 64 MiB of hole are not in it.
    CHECK(archive.size() < 100000);
    REQUIRE(refusal(unpack(to, archive)) == "it was done");
    CHECK(description(to) == description(from));
    CHECK(status_of(to).st_mode == status_of(from).st_mode);
    CHECK(status_of(to / "sparse").st_blocks * 512 < 1 << 20);
    CHECK(status_of(to / "file").st_ino == status_of(to / "sub/same").st_ino);
    // Once more, over what is there.
    REQUIRE(refusal(unpack(to, archive)) == "it was done");
    CHECK(description(to) == description(from));
}

TEST_CASE("a path means what it means to docker cp", "[files]") {
    const TemporaryDirectory folder;
    const fs::path& root = folder.path();
    fs::create_directories(root / "src/sub");
    put(root / "src/sub/f", "1");
    fs::create_directory_symlink("src", root / "link");
    const auto names = [](std::string_view archive) {
        std::string all;
        const auto members = test::members_of(archive);
        for (const Member& member : members.value())
            all += member.entry.name + " ";
        return all;
    };
    CHECK(names(pack(root / "src")) == "src src/sub src/sub/f ");
    CHECK(names(pack(root / "src", "other")) == "other other/sub other/sub/f ");
    CHECK(names(pack(root / "src/")) == ". ./sub ./sub/f ");
    CHECK(names(pack(root / "src/.")) == ". ./sub ./sub/f ");
    CHECK(names(pack(root / "link/")) == ". ./sub ./sub/f ");
    CHECK(names(pack(root / "link")) == "link ");
    CHECK(names(pack(root / "src/sub/f")) == "f ");
    CHECK_FALSE(files::find_source((root / "src/sub/f/").string(), "").has_value());
    CHECK(files::find_source((root / "none/f").string(), "").error().kind == "not_found");

    const std::string directory = pack(root / "src");
    const std::string file = pack(root / "src/sub/f");
    fs::create_directory(root / "into");
    CHECK(refusal(unpack(root / "into", directory)) == "it was done");
    CHECK(content(root / "into/src/sub/f") == "1");
    CHECK(refusal(unpack(root / "into", file, "renamed")) == "it was done");
    CHECK(content(root / "into/renamed") == "1");
    CHECK(refusal(unpack(root / "new", directory)) == "it was done");
    CHECK(content(root / "new/sub/f") == "1");
    CHECK(refusal(unpack(root / "contents/", pack(root / "src/."))) == "it was done");
    CHECK(content(root / "contents/sub/f") == "1");
    CHECK(refusal(unpack(root / "file", file)) == "it was done");
    CHECK(content(root / "file") == "1");
    put(root / "file", "2");
    fs::create_symlink("file", root / "to file");
    CHECK(refusal(unpack(root / "to file", file)) == "it was done");
    CHECK(content(root / "file") == "1");
    CHECK(fs::is_symlink(root / "to file"));

    CHECK_THAT(refusal(unpack(root / "file", directory)), ContainsSubstring("conflict"));
    CHECK_THAT(refusal(unpack(root / "nothing/", file)), ContainsSubstring("not_found"));
    CHECK_THAT(refusal(unpack(root / "no/place", file)), ContainsSubstring("not_found"));
    CHECK_THAT(refusal(unpack(root / "file/", file)), ContainsSubstring("no directory"));
    fs::create_symlink("gone", root / "to nothing");
    CHECK_THAT(refusal(unpack(root / "to nothing", file)), ContainsSubstring("link to nothing"));
    const std::string two = archive_of({test::file_member("a", ""), test::file_member("b", "")});
    CHECK_THAT(refusal(unpack(root / "one", two)), ContainsSubstring("b: only one entry"));
}

TEST_CASE("a hard link follows its file to another name", "[files]") {
    const TemporaryDirectory folder;
    const std::string archive =
        archive_of({test::directory_member("top"), test::file_member("top/a", "same"),
                    test::link_member(EntryType::hard_link, "top/b", "top/a")});
    REQUIRE(refusal(unpack(folder.path() / "new", archive)) == "it was done");
    CHECK(content(folder.path() / "new/b") == "same");
    CHECK(status_of(folder.path() / "new/a").st_nlink == 2);
}

TEST_CASE("devices and sockets are left out with a warning", "[files]") {
    const TemporaryDirectory folder;
    const fs::path root = folder.path() / "root";
    fs::create_directory(root);
    put(root / "file", "x");
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (root / "socket").string();
    std::copy(path.begin(), path.end(), &address.sun_path[0]);
    REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    (void)::close(socket);
    std::string warnings;
    const std::string archive =
        pack(root, "", [&warnings](const std::string& name, const std::string& what) {
            warnings += name + ": " + what + "\n";
        });
    CHECK(warnings == "root/socket: a socket is left out\n");
    CHECK(test::members_of(archive).value().size() == 2);
    const auto alone = files::find_source(path, "");
    files::TarWriter nowhere([](std::string_view) -> sys::Result<> { return {}; });
    CHECK(files::create(alone.value(), nowhere, ignore_warning).error().kind == "conflict");
}

TEST_CASE("a file that changes while it is read is padded or cut, and said", "[files]") {
    const TemporaryDirectory folder;
    const fs::path path = folder.path() / "file";
    const bool grows = GENERATE(true, false);
    put(path, std::string(200'000, 'x'));
    std::string bytes;
    std::string warnings;
    files::TarWriter writer([&](std::string_view more) -> sys::Result<> {
        // Its header has left: the size is promised.
        if (bytes.empty()) fs::resize_file(path, grows ? 300'000 : 100'000);
        bytes += more;
        return {};
    });
    const auto source = files::find_source(path.string(), "");
    const auto done = files::create(
        source.value(), writer,
        [&warnings](const std::string&, const std::string& what) { warnings += what; });
    REQUIRE(done.has_value());
    const std::vector<Member> members = test::members_of(bytes).value();
    const std::string kept(grows ? 200'000 : 100'000, 'x');
    CHECK(members.front().data == kept + std::string(200'000 - kept.size(), '\0'));
    CHECK_THAT(warnings, ContainsSubstring(grows ? "it grew" : "it shrank"));
}

TEST_CASE("the status of a file says what a copy needs to know", "[files]") {
    const TemporaryDirectory folder;
    const std::string root = folder.path().string();
    put(folder.path() / "file", "four");
    REQUIRE(::chmod((root + "/file").c_str(), 04711) == 0);
    fs::create_directory_symlink(".", folder.path() / "link");
    const auto file = files::file_status(root + "/file").value();
    CHECK(file.at("type") == "file");
    CHECK(file.at("mode") == 04711);
    CHECK(file.at("size") == 4);
    CHECK(file.at("link").is_null());
    CHECK(file.at("directory") == false);
    const auto link = files::file_status(root + "/link").value();
    CHECK(link.at("type") == "symlink");
    CHECK(link.at("link") == ".");
    CHECK(link.at("directory") == true);
    CHECK(files::file_status(root + "/link/").value().at("type") == "directory");
    CHECK(files::file_status(root + "/none").error().kind == "not_found");
    CHECK(files::file_status(root + "/file/x").error().kind == "conflict");
}
