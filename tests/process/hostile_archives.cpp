// Archives that lead outside of their directory, lie about themselves, or end early.

#include "tests/process/hostile_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace rouse::test {
namespace {

using namespace std::string_literals;

constexpr std::size_t record_size = 512;
const std::string archive_end(2 * record_size, '\0');

/// Bytes at a place of a header.
using Patches = std::vector<std::pair<std::size_t, std::string>>;

constexpr std::size_t size_at = 124;
constexpr std::size_t checksum_at = 148;
constexpr std::size_t type_at = 156;
constexpr std::size_t link_at = 157;

/// A header of a file of `size` bytes with a right checksum, whatever is in it.
std::string header_block(const std::string& name, std::size_t size, const Patches& patches = {}) {
    std::string bytes(record_size, '\0');
    bytes.replace(0, name.size(), name);
    bytes.replace(100, 24, "0000644\0000000000\0000000000\0"s);
    bytes.replace(size_at, 12, fmt::format("{:011o}", size) + '\0');
    bytes.replace(136, 12, "00000000000\0"s);
    bytes.replace(type_at, 1, "0");
    bytes.replace(257, 8, "ustar\00000"s);
    for (const auto& [at, text] : patches)
        bytes.replace(at, text.size(), text);
    bytes.replace(checksum_at, 8, 8, ' ');
    unsigned sum = 0;
    for (const char byte : bytes)
        sum += static_cast<unsigned char>(byte);
    bytes.replace(checksum_at, 8, fmt::format("{:06o}", sum) + "\0 "s);
    return bytes;
}

std::string with_data(std::string header, std::string text) {
    text.resize((text.size() + record_size - 1) / record_size * record_size);
    return std::move(header) + text;
}

std::string file_entry(const std::string& name) {
    return with_data(header_block(name, 4), "evil");
}

std::string special_entry(const std::string& name, char type, const std::string& link = "") {
    return header_block(name, 0, {{type_at, std::string(1, type)}, {link_at, link}});
}

/// A member with extended records.
std::string with_records(const std::string& records, const std::string& member) {
    return with_data(header_block("records", records.size(), {{type_at, "x"}}), records) + member;
}

struct Archive {
    std::string name;
    std::string bytes;
    std::string says;
    int status = 400;
};

std::vector<Archive> that_lead_outside() {
    const std::string linked = "a symbolic link";
    return {
        {"an absolute name", file_entry("/victim"), "bad_archive: an absolute"},
        {"a name with dots", file_entry("../victim"), "bad_archive: a name with"},
        {"dots in a name", file_entry("a/../../victim"), "bad_archive: a name with"},
        {"the directory above", special_entry("..", '5'), "bad_archive: a name with"},
        {"a link to above and a file behind it",
         special_entry("up", '2', "..") + file_entry("up/victim"), linked},
        {"a link to the root", special_entry("up", '2', "/") + file_entry("up/victim"), linked},
        {"a chain of links",
         special_entry("a", '2', "b") + special_entry("b", '2', "..") + file_entry("a/victim"),
         linked},
        {"a way around by /proc",
         special_entry("l", '2', "/proc/self/root") + file_entry("l/victim"), linked},
        {"a hard link to above", special_entry("h", '1', "../victim"), "it links to"},
        {"a hard link to the root", special_entry("h", '1', "/victim"), "it links to"},
        {"a hard link through a link",
         special_entry("up", '2', "..") + special_entry("h", '1', "up/victim"), "it links to"},
        {"a character device", special_entry("dev", '3'), "bad_archive: a device node"},
        {"a block device", special_entry("dev", '4'), "bad_archive: a device node"},
        {"a link to itself", special_entry("s", '2', "s") + file_entry("s/x"), "conflict", 409},
        {"a file in the place of a directory", special_entry("d", '5') + file_entry("d"),
         "conflict", 409},
    };
}

std::vector<Archive> with_bad_headers() {
    const std::string largest = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s;
    const std::string beyond = "\x80\0\0\0\x80\0\0\0\0\0\0\0"s;
    std::string damaged = file_entry("name");
    damaged[0] = 'N';
    return {
        {"a wrong checksum", damaged, "wrong checksum"},
        {"no archive", std::string(2000, 'x'), "wrong checksum"},
        {"nothing", "", "cut off"},
        {"half a header", file_entry("name").substr(0, 300), "cut off"},
        {"half a file", header_block("cut", 5000) + std::string(1000, 'x'), "cut off"},
        {"a file of 2^63 - 1 bytes", header_block("m", 0, {{size_at, largest}}), "cut off"},
        {"a file of 2^63 bytes", header_block("m", 0, {{size_at, beyond}}), "does not fit"},
        {"a file of less than nothing", header_block("m", 0, {{size_at, std::string(12, '\xff')}}),
         "its size is negative"},
        {"a size that is no number", header_block("m", 0, {{size_at, "12345678z00"}}), "no number"},
        {"an unknown type", special_entry("m", 'Z'), "its type 'Z' is unknown"},
        {"a link to nothing", special_entry("m", '2'), "a link to nothing"},
        {"no name", file_entry(""), "no name"},
        {"a name of 64 KiB",
         with_data(header_block("long", 70'000, {{type_at, "L"}}), std::string(70'000, 'x')) +
             file_entry("m"),
         "above 65536 bytes"},
    };
}

std::vector<Archive> with_bad_records() {
    const std::string holes = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n";
    const std::string map = "the map of its holes is malformed";
    return {
        {"records that are none", with_records("no record", file_entry("m")), "malformed"},
        {"a record of 99 bytes that has 12", with_records("99 path=abc\n", file_entry("m")),
         "malformed"},
        {"a size of 2^63 in a record",
         with_records("28 size=9223372036854775808\n", file_entry("m")), "no number below 2^63"},
        {"a map without an end",
         with_records(holes + "28 GNU.sparse.realsize=1000\n",
                      header_block("m", 512) + std::string(512, '1')),
         map},
        {"a map of 100 million holes",
         with_records(holes + "28 GNU.sparse.realsize=1000\n",
                      with_data(header_block("m", 512), "99999999\n")),
         "more than 65536 pieces"},
        {"holes one over the other",
         with_records(holes + "28 GNU.sparse.realsize=1000\n",
                      with_data(header_block("m", 515), "2\n10\n2\n5\n1\n") + archive_end),
         map},
    };
}

} // namespace

std::vector<BadRequest> hostile_archives(const std::string& directory) {
    std::vector<Archive> archives = that_lead_outside();
    for (const auto& more : {with_bad_headers(), with_bad_records()})
        archives.insert(archives.end(), more.begin(), more.end());
    std::vector<BadRequest> rows;
    for (std::size_t i = 0; i < archives.size(); ++i) {
        const Archive& archive = archives[i];
        const std::string body = archive.bytes.size() < 2 * record_size || archive.says == "cut off"
                                     ? archive.bytes
                                     : archive.bytes + archive_end;
        rows.push_back(
            {archive.name,
             request_text("PUT", fmt::format("/v1/files?path={}/{}", directory, i), body),
             archive.status, archive.says});
    }
    return rows;
}

} // namespace rouse::test
