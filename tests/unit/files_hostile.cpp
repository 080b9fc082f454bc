// Hostile and damaged tar archives: each is refused, by the name of its member.

#include "tests/unit/files_archive.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <array>
#include <limits>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
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

TEST_CASE("an archive that is cut anywhere is refused", "[files]") {
    Member sparse = test::file_member("holes", "abc");
    sparse.entry.size = 1 << 20U;
    sparse.entry.data = {{4096, 3}};
    const std::string archive =
        archive_of({test::file_member(name_of_length(300), std::string(1000, 'x')), sparse,
                    test::directory_member("d")});
    REQUIRE(members_of(archive).has_value());
    // One block of zeros is the mark; the second one is only usual.
    for (std::size_t length = 0; length < archive.size() - files::tar_block; ++length) {
        INFO(length);
        REQUIRE_THAT(why_not(std::string_view(archive).substr(0, length)),
                     ContainsSubstring("cut off"));
    }
}

TEST_CASE("a damaged header is refused by its checksum", "[files]") {
    const std::string archive = archive_of({test::file_member("name", "")});
    for (std::size_t i = 0; i < files::tar_block; ++i) {
        if (i >= 148 && i < 156) continue; // the checksum itself
        std::string damaged = archive;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        INFO(i);
        REQUIRE_THAT(why_not(damaged), ContainsSubstring("checksum"));
    }
    CHECK_THAT(why_not(std::string(1024, 'x')), ContainsSubstring("checksum"));
}

TEST_CASE("hostile headers are refused, by the name of their member", "[files]") {
    using namespace std::string_literals;
    const std::string largest = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s;
    const std::string beyond = "\x80\0\0\0\x80\0\0\0\0\0\0\0"s;
    const std::string minus = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s;
    TarHeader sparse = file_header("m", 512);
    sparse.type = 'S';
    TarHeader nothing = file_header("m");
    nothing.type = '2';
    TarHeader unknown = file_header("m");
    unknown.type = 'Z';
    struct Row {
        std::string bytes;
        std::string why;
    };
    const auto with_pax = [](const std::string& records, std::uint64_t size = 0) {
        return extension('x', records) + raw_block(file_header("m", size)) +
               std::string(size, '\0') + end_mark;
    };
    const std::string bad_map = "the map of its holes is malformed";
    const std::string sparse_1 =
        "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n28 GNU.sparse.realsize=1000\n";
    const auto rows = std::to_array<Row>({
        {raw_block(file_header("m"), {{124, largest}}), "cut off"},
        {raw_block(file_header("m"), {{124, beyond}}), "its size does not fit"},
        {raw_block(file_header("m"), {{124, minus}}), "its size is negative"},
        {raw_block(file_header("m"), {{108, "\xff\xff\xff\xff\xff\xff\xff\xff"s}}), "uid is neg"},
        {raw_block(file_header("m"), {{108, "\x80\0\0\0\xff\xff\xff\xff"s}}), "beyond 32 bits"},
        {raw_block(file_header("m"), {{124, "12345678z00\0"s}}), "its size is no number"},
        {raw_block(unknown) + end_mark, "its type 'Z' is unknown"},
        {raw_block(nothing) + end_mark, "a link to nothing"},
        {raw_block(file_header("")) + end_mark, "no name"},
        {extension('x', std::string(65537, 'x')), "above 65536 bytes"},
        {extension('L', std::string(40000, 'x')) + extension('K', std::string(40000, 'x')),
         "above 65536 bytes"},
        {raw_block(
             [] {
                 TarHeader huge = file_header("huge", std::numeric_limits<std::int64_t>::max());
                 huge.type = 'x';
                 return huge;
             }(),
             {{124, largest}}),
         "above 65536 bytes"},
        {with_pax("no record"), "malformed"},
        {with_pax("99 path=x\n"), "malformed"},
        {with_pax("5 a=b\n"), "malformed"},
        {with_pax("6 =ab\n"), "malformed"},
        {with_pax("0 a=b\n"), "malformed"},
        {with_pax("-7 a=bc\n"), "malformed"},
        {with_pax("28 size=9223372036854775808\n"), "no number below 2^63"},
        {with_pax("9 size=x\n"), "no number below 2^63"},
        {with_pax("11 uid=-10\n"), "no number below 2^63"},
        {with_pax("12 mtime=1x\n"), "no number"},
        {with_pax("12 path=a\0b\n"s.replace(0, 2, "12")), "a zero byte"},
        {with_pax("22 GNU.sparse.major=2\n22 GNU.sparse.minor=0\n28 GNU.sparse.realsize=1000\n"),
         "form of its holes is unknown"},
        {with_pax("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"), "real size is no number"},
        {with_pax("25 GNU.sparse.size=12345\n"), "not supported"},
        {with_pax(sparse_1), bad_map},
        {with_pax(sparse_1, 512), bad_map},
        {extension('x', sparse_1) + raw_block(file_header("m", 512)) + padded("99999999\n"),
         "more than 65536 pieces"},
        {extension('x', sparse_1) + raw_block(file_header("m", 515)) + padded("1\n998\n3\n") +
             padded("abc"),
         bad_map},
        {extension('x', sparse_1) + raw_block(file_header("m", 515)) + padded("2\n10\n2\n5\n1\n") +
             padded("abc"),
         bad_map},
        {extension('x', sparse_1) + raw_block(file_header("m", 515)) + padded("1\n10\n4\n") +
             padded("abc"),
         bad_map},
        {raw_block(sparse, {{386, "00000000000\0"
                                  "00000000001\0"s},
                            {483, "77777777777\0"s}}),
         bad_map},
        {raw_block(sparse, {{482, "\1"s}, {483, "00000000000\0"s}}) + std::string(504, '\0') +
             "\1" + std::string(7, '\0'),
         bad_map},
    });
    for (const Row& row : rows) {
        INFO(row.why);
        CHECK_THAT(why_not(row.bytes), ContainsSubstring(row.why));
    }
    CHECK_THAT(why_not(with_pax("28 size=9223372036854775808\n")), ContainsSubstring("m: "));
}

TEST_CASE("global records go on, and take no more room than one header", "[files]") {
    TarHeader member = file_header("m");
    const std::string one =
        extension('g', "8 uid=7\n") + raw_block(member) + raw_block(file_header("n")) + end_mark;
    const auto members = members_of(one);
    REQUIRE(members.has_value());
    CHECK(members->at(0).entry.uid == 7);
    CHECK(members->at(1).entry.uid == 7);
    std::string many;
    for (int i = 100; i < 130; ++i)
        many += extension('g', fmt::format("3010 {}={}\n", i, std::string(3000, 'x'))) +
                raw_block(member);
    CHECK_THAT(why_not(many), ContainsSubstring("too large"));
}
