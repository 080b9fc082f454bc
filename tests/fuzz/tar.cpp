// The tar reader: no archive makes it read outside of its input or believe a number, and what it
// understands comes back from our writer.

#include "agent/files/member_path.hpp"
#include "agent/files/tar_reader.hpp"
#include "agent/files/tar_writer.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

using namespace rouse;

namespace {

struct Member {
    files::TarEntry entry;
    std::string data;

    friend bool operator==(const Member&, const Member&) = default;
};

files::ByteSource source_of(std::string_view bytes, std::size_t step) {
    return [bytes, step](std::span<char> buffer) mutable -> sys::Result<std::size_t> {
        fuzz::require(!buffer.empty(), "nothing is asked for nothing");
        const std::size_t count = std::min({bytes.size(), buffer.size(), step});
        std::memcpy(buffer.data(), bytes.data(), count);
        bytes.remove_prefix(count);
        return count;
    };
}

/// Whether it was read to its end.
bool read_all(std::string_view bytes, std::size_t step, std::vector<Member>& members) {
    files::TarReader reader(source_of(bytes, step));
    for (;;) {
        const auto next = reader.next();
        if (!next) return false;
        if (!*next) return true;
        members.push_back({.entry = **next, .data = ""});
        std::array<char, 1000> buffer{};
        for (std::size_t count = 1; count > 0;) {
            const auto read = reader.read(buffer);
            if (!read) return false;
            count = *read;
            members.back().data.append(buffer.data(), count);
        }
        fuzz::require(members.back().data.size() == files::stored_bytes(members.back().entry),
                      "a member has as many bytes as it says");
    }
}

std::string write_all(const std::vector<Member>& members) {
    std::string bytes;
    files::TarWriter writer([&bytes](std::string_view more) -> sys::Result<> {
        bytes += more;
        return {};
    });
    for (const Member& member : members) {
        (void)writer.begin(member.entry); // the sink never fails
        (void)writer.data(member.data);
    }
    (void)writer.finish();
    return bytes;
}

/// Gives every header its checksum, so that what was changed is looked at and not just refused.
std::string with_checksums(std::string_view archive) {
    constexpr std::size_t at = 148; // eight bytes
    constexpr std::size_t magic_at = 257;
    std::string bytes(archive);
    for (std::size_t block = 0; block + files::tar_block <= bytes.size();
         block += files::tar_block) {
        if (bytes.compare(block + magic_at, 5, "ustar") != 0) continue;
        bytes.replace(block + at, 8, 8, ' ');
        unsigned sum = 0;
        for (std::size_t i = 0; i < files::tar_block; ++i)
            sum += static_cast<unsigned char>(bytes[block + i]);
        for (std::size_t digit = 0; digit < 6; ++digit)
            bytes[block + at + 5 - digit] = static_cast<char>('0' + (sum >> (3 * digit)) % 8);
        bytes[block + at + 6] = '\0';
    }
    return bytes;
}

void check_name(const files::TarEntry& entry) {
    const files::Outcome<std::string> clean = files::clean_name(entry.name);
    if (!clean) return;
    const std::string around = "/" + *clean + "/";
    fuzz::require(around.find("/../") == std::string::npos, "no name leads up");
    fuzz::require(!clean->starts_with('/'), "no name is absolute");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Choices choices(fuzz::text_of(data, size));
    const std::size_t step = 1 + choices.below(255) * 7;
    const std::string archive =
        choices.below(8) == 0 ? std::string(choices.rest()) : with_checksums(choices.rest());
    std::vector<Member> members;
    const bool whole = read_all(archive, step, members);
    for (const Member& member : members)
        check_name(member.entry);
    const bool has_device = std::ranges::any_of(members, [](const Member& member) {
        return member.entry.type == files::EntryType::device;
    });
    if (!whole || has_device) return 0;
    std::vector<Member> again;
    fuzz::require(read_all(write_all(members), 10240, again), "what we write we can read");
    fuzz::require(again == members, "an archive comes back as it was");
    return 0;
}
