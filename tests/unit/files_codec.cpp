// Tar archives: what is written is read again, and other programs' archives are understood.

#include "tests/unit/files_archive.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse;
using files::EntryType;
using files::TarHeader;
using test::archive_of;
using test::end_mark;
using test::extension;
using test::file_header;
using test::Member;
using test::members_of;
using test::name_of_length;
using test::padded;
using test::raw_block;
using test::why_not;

TEST_CASE("names of every length come back", "[files]") {
    for (std::size_t length = 1; length < 600; ++length) {
        const std::string name = name_of_length(length);
        const std::vector<Member> members{test::file_member(name, "x"),
                                          test::directory_member(name + "d"),
                                          test::link_member(EntryType::symlink, "l", name)};
        INFO(length);
        const auto again = members_of(archive_of(members));
        REQUIRE(again.has_value());
        REQUIRE(*again == members);
    }
}

TEST_CASE("numbers beyond octal digits come back", "[files]") {
    Member member = test::file_member("numbers", "");
    member.entry.uid = GENERATE(0U, 07777777U, 010000000U, 4294967294U);
    member.entry.gid = GENERATE(0U, 07777777U, 010000000U, 4294967294U);
    member.entry.mtime =
        GENERATE(files::EntryTime{0, 0}, files::EntryTime{1, 999'999'999}, files::EntryTime{-1, 0},
                 files::EntryTime{-1, 1}, files::EntryTime{-2, 500'000'000},
                 files::EntryTime{077777777777, 0}, files::EntryTime{0100000000000, 123'456'789});
    member.entry.mode = 07777;
    const auto again = members_of(archive_of({member}));
    REQUIRE(again.has_value());
    CHECK(again->front() == member);
}

TEST_CASE("a size of more than 8 GiB is told", "[files]") {
    std::string head;
    files::TarWriter writer([&head](std::string_view more) -> sys::Result<> {
        head += more;
        return {};
    });
    files::TarEntry entry = test::file_member("large", "").entry;
    entry.size = (1ULL << 40U) + 1;
    REQUIRE(writer.begin(entry).has_value());
    files::TarReader reader(test::source_of(head));
    const auto next = reader.next();
    REQUIRE(next.has_value());
    CHECK((*next)->size == entry.size);
    CHECK(writer.missing() == entry.size);
}

TEST_CASE("holes come back, however an archive is cut into reads", "[files]") {
    Member sparse = test::file_member("holes", std::string(300, 'a') + std::string(700, 'b'));
    sparse.entry.size = 1ULL << 40U;
    sparse.entry.data = {{4096, 300}, {1ULL << 30U, 700}};
    Member hole = test::file_member("only a hole", "");
    hole.entry.size = 12345;
    hole.entry.data.emplace();
    const std::vector<Member> members{sparse, hole, test::file_member("after", "them")};
    const std::string archive = archive_of(members);
    for (const std::size_t at_once : {1U, 511U, 512U, 10240U}) {
        const auto again = members_of(archive, at_once);
        REQUIRE(again.has_value());
        CHECK(*again == members);
    }
}

TEST_CASE("the map of a file with many holes comes back", "[files]") {
    Member sparse = test::file_member("many", std::string(files::most_extents, 'x'));
    sparse.entry.data.emplace();
    for (std::uint64_t i = 0; i < files::most_extents; ++i)
        sparse.entry.data->push_back({.offset = i * 1'000'000, .length = 1});
    sparse.entry.size = files::most_extents * 1'000'000;
    const auto again = members_of(archive_of({sparse}));
    REQUIRE(again.has_value());
    CHECK(again->front() == sparse);
}

TEST_CASE("GNU tar's long names, old headers and labels are understood", "[files]") {
    const std::string long_name = name_of_length(300);
    TarHeader link = file_header("short");
    link.type = '2';
    TarHeader label = file_header("a volume", 77);
    label.type = 'V';
    TarHeader old = file_header("directory/");
    old.type = '\0';
    const std::string archive = raw_block(label) + extension('L', long_name + '\0') +
                                extension('K', long_name + "2" + '\0') + raw_block(link) +
                                raw_block(old, {{257, std::string(255, '\0')}}) + end_mark;
    const auto members = members_of(archive);
    REQUIRE(members.has_value());
    REQUIRE(members->size() == 2);
    CHECK(members->at(0).entry.name == long_name);
    CHECK(members->at(0).entry.link == long_name + "2");
    CHECK(members->at(1).entry.name == "directory");
    CHECK(members->at(1).entry.type == EntryType::directory);
}

TEST_CASE("binary numbers and the old forms of sparse files are understood", "[files]") {
    using namespace std::string_literals;
    const std::string binary = "\x80\0\0\0\0\0\0\0\0\0\0\5"s;
    const std::string before = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"s; // -2
    TarHeader old = file_header("old", 6);
    old.type = 'S';
    const std::string map = "00000000000\0"
                            "00000000002\0"s +
                            "00000001000\0"
                            "00000000004\0"s;
    const std::string archive =
        raw_block(file_header("binary"), {{124, binary}, {136, before}}) + padded("12345") +
        raw_block(old, {{257, "ustar  \0"s}, {386, map}, {483, "00000002000\0"s}}) +
        padded("ab1234") +
        extension('x', "31 GNU.sparse.map=0,2,512,4,1024,0\n"s.replace(0, 2, "35") +
                           "24 GNU.sparse.size=1024\n") +
        raw_block(file_header("0.1", 6)) + padded("ab1234") + end_mark;
    const auto members = members_of(archive);
    INFO(why_not(archive));
    REQUIRE(members.has_value());
    CHECK(members->at(0).data == "12345");
    CHECK(members->at(0).entry.mtime.seconds == -2);
    const files::SparseMap expected{{0, 2}, {512, 4}};
    for (std::size_t i = 1; i < 3; ++i) {
        CHECK(members->at(i).entry.size == 1024);
        CHECK(members->at(i).entry.data == expected);
        CHECK(members->at(i).data == "ab1234");
    }
}
