// Archives as texts, for tests of what reads and writes them.
#pragma once

#include "agent/files/tar_reader.hpp"
#include "agent/files/tar_writer.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rouse::test {

/// What a member is, and its data without holes.
struct Member {
    files::TarEntry entry;
    std::string data;

    friend bool operator==(const Member&, const Member&) = default;
};

/// Gives out the bytes of a text, at most `at_once` at a time. Borrows the text.
inline files::ByteSource source_of(std::string_view bytes, std::size_t at_once = 1000) {
    return [bytes, at_once](std::span<char> buffer) mutable -> sys::Result<std::size_t> {
        const std::size_t count = std::min({bytes.size(), buffer.size(), at_once});
        std::memcpy(buffer.data(), bytes.data(), count);
        bytes.remove_prefix(count);
        return count;
    };
}

/// The archive of the members.
inline std::string archive_of(const std::vector<Member>& members) {
    std::string bytes;
    files::TarWriter writer([&bytes](std::string_view more) -> sys::Result<> {
        bytes += more;
        return {};
    });
    for (const Member& member : members) {
        if (!writer.begin(member.entry)) throw std::logic_error("a sink of memory failed");
        if (!writer.data(member.data)) throw std::logic_error("a sink of memory failed");
    }
    if (!writer.finish()) throw std::logic_error("a sink of memory failed");
    return bytes;
}

/// All members, or the first problem.
inline proto::Parsed<std::vector<Member>> members_of(std::string_view bytes,
                                                     std::size_t at_once = 1000) {
    files::TarReader reader(source_of(bytes, at_once));
    std::vector<Member> members;
    for (;;) {
        proto::Parsed<std::optional<files::TarEntry>> next = reader.next();
        if (!next) return next.error();
        if (!*next) return members;
        members.push_back({.entry = **next, .data = ""});
        std::array<char, 700> buffer{};
        for (std::size_t count = 1; count > 0;) {
            const proto::Parsed<std::size_t> read = reader.read(buffer);
            if (!read) return read.error();
            count = *read;
            members.back().data.append(buffer.data(), count);
        }
    }
}

inline Member file_member(std::string name, std::string data) {
    files::TarEntry entry;
    entry.name = std::move(name);
    entry.mode = 0644;
    entry.size = data.size();
    return {.entry = std::move(entry), .data = std::move(data)};
}

inline Member link_member(files::EntryType type, std::string name, std::string target) {
    files::TarEntry entry;
    entry.name = std::move(name);
    entry.type = type;
    entry.mode = 0777;
    entry.link = std::move(target);
    return {.entry = std::move(entry), .data = ""};
}

inline Member directory_member(std::string name, std::uint32_t mode = 0755) {
    files::TarEntry entry;
    entry.name = std::move(name);
    entry.type = files::EntryType::directory;
    entry.mode = mode;
    return {.entry = std::move(entry), .data = ""};
}

/// A block with a right checksum, whatever else is in it.
inline std::string raw_block(const files::TarHeader& header,
                             const std::vector<std::pair<std::size_t, std::string>>& patches = {}) {
    files::TarBlock block = files::encode_header(header);
    for (const auto& [at, bytes] : patches)
        std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
    std::fill_n(block.begin() + 148, 8, ' ');
    unsigned sum = 0;
    for (const char byte : block)
        sum += static_cast<unsigned char>(byte);
    for (std::size_t digit = 0; digit < 6; ++digit)
        block.at(153 - digit) = static_cast<char>('0' + (sum >> (3 * digit)) % 8);
    block[154] = '\0';
    return {block.data(), block.size()};
}

/// `text` padded to whole blocks.
inline std::string padded(std::string text) {
    text.resize(text.size() + files::padding_after(text.size()), '\0');
    return text;
}

/// The mark of an archive's end.
inline const std::string end_mark(1024, '\0');

/// A name with parts of 50 bytes.
inline std::string name_of_length(std::size_t length) {
    std::string name;
    for (std::size_t i = 0; i < length; ++i)
        name += i % 51 == 50 && i + 1 < length ? '/' : static_cast<char>('a' + i % 26);
    return name;
}

inline files::TarHeader file_header(std::string name, std::uint64_t size = 0) {
    files::TarHeader header;
    header.name = std::move(name);
    header.mode = 0644;
    header.size = size;
    return header;
}

/// An extended header.
inline std::string extension(char type, const std::string& text) {
    files::TarHeader header = file_header("extension", text.size());
    header.type = type;
    return raw_block(header) + padded(text);
}

/// What is wrong with an archive.
inline std::string why_not(std::string_view archive) {
    const auto members = members_of(archive);
    return members ? "it was read" : members.error().message();
}

} // namespace rouse::test
