// Who is who, from files that may be missing or broken.

#include "agent/sys/users.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>

using namespace rouse;

namespace {

struct Files {
    Files(const std::string& passwd, const std::string& group)
        : files{.passwd = directory.path() / "passwd", .group = directory.path() / "group"} {
        std::ofstream(files.passwd) << passwd;
        std::ofstream(files.group) << group;
    }

    test::TemporaryDirectory directory;
    sys::UserFiles files;
};

Files usual() {
    return {"root:x:0:0:root:/root:/bin/bash\n"
            "# a comment\n"
            "broken line\n"
            "alice:x:1000:1000:Alice,,,:/srv/alice:/bin/zsh\n"
            "77:x:1077:1077::/srv/number:\n"
            "bob:x:1001:100:::\n",
            "root:x:0:\nusers:x:100:\naudio:x:29:alice,bob\nalice:x:1000:alice\n"
            "bad:x:notanumber:alice\nvideo:x:44:bob,alice"};
}

sys::User found(const Files& files, std::string_view text) {
    const auto user = sys::find_user(text, files.files);
    REQUIRE(user.has_value());
    return *user;
}

} // namespace

TEST_CASE("a name brings its group, supplementary groups, home and shell", "[sys]") {
    const Files files = usual();
    const sys::User alice = found(files, "alice");
    CHECK(alice.uid == 1000);
    CHECK(alice.gid == 1000);
    CHECK(alice.groups == std::vector<gid_t>{1000, 29, 44});
    CHECK(alice.name == "alice");
    CHECK(alice.home == "/srv/alice");
    CHECK(alice.shell == "/bin/zsh");
}

TEST_CASE("empty fields of an entry have defaults", "[sys]") {
    const Files files = usual();
    const sys::User bob = found(files, "bob");
    CHECK(bob.home == "/");
    CHECK(bob.shell == "/bin/sh");
    CHECK(bob.groups == std::vector<gid_t>{100, 29, 44});
}

TEST_CASE("a number finds its entry, and a name that is a number wins", "[sys]") {
    const Files files = usual();
    CHECK(found(files, "1000").name == "alice");
    CHECK(found(files, "77").uid == 1077);
    CHECK(found(files, "").name == "root");
}

TEST_CASE("an explicit group leaves no supplementary groups", "[sys]") {
    const Files files = usual();
    const sys::User alice = found(files, "alice:audio");
    CHECK(alice.gid == 29);
    CHECK(alice.groups.empty());
    CHECK(found(files, "1000:44").gid == 44);
    CHECK(found(files, "5000:6000").gid == 6000);
}

TEST_CASE("without files root and numbers work", "[sys]") {
    const sys::UserFiles none{.passwd = "/nonexistent/passwd", .group = "/nonexistent/group"};
    for (const char* const text : {"", "root", "0", "0:0"}) {
        const auto user = sys::find_user(text, none);
        REQUIRE(user.has_value());
        CHECK(user->uid == 0);
        CHECK(user->gid == 0);
        CHECK(user->name == "root");
        CHECK(user->home == "/");
    }
    const auto number = sys::find_user("1234", none);
    REQUIRE(number.has_value());
    CHECK(number->uid == 1234);
    CHECK(number->gid == 0);
    CHECK(number->name.empty());
}

TEST_CASE("what names nobody is an error", "[sys]") {
    const Files files = usual();
    for (const char* const text : {"carol", "alice:nogroup", "-1", "1000x", "carol:100"}) {
        CAPTURE(text);
        CHECK(sys::find_user(text, files.files).error() == sys::error_from(ENOENT));
    }
    for (const char* const text : {":", ":100", "alice:", "4294967295", "99999999999999"}) {
        CAPTURE(text);
        CHECK(sys::find_user(text, files.files).error() == sys::error_from(EINVAL));
    }
}
