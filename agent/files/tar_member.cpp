#include "agent/files/tar_member.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>

namespace rouse::files {

namespace {

using proto::Parsed;
using proto::Problem;

void take_text(const PaxRecords& records, std::string_view keyword, std::string& text) {
    const auto found = records.find(keyword);
    if (found != records.end() && !found->second.empty()) text = found->second;
}

Parsed<void> take_number(const PaxRecords& records, std::string_view keyword,
                         std::uint64_t& number) {
    const auto found = records.find(keyword);
    if (found == records.end() || found->second.empty()) return {};
    const Parsed<std::uint64_t> value = parse_decimal(found->second, keyword);
    if (!value) return value.error();
    number = *value;
    return {};
}

std::optional<EntryType> type_of(char type) {
    switch (type) {
    case '0':
    case '\0':
    case '7': // contiguous
    case 'S': // sparse, GNU tar's old form
        return EntryType::file;
    case '1':
        return EntryType::hard_link;
    case '2':
        return EntryType::symlink;
    case '3':
    case '4':
        return EntryType::device;
    case '5':
        return EntryType::directory;
    case '6':
        return EntryType::fifo;
    default:
        return std::nullopt;
    }
}

std::string printable(char type) {
    const bool shown = type > ' ' && type < '\x7f';
    return shown ? fmt::format("'{}'", type)
                 : fmt::format("{}", static_cast<unsigned>(static_cast<unsigned char>(type)));
}

/// Of a chown(2) that changes something: the largest number means "as it is".
Parsed<std::uint32_t> owner(std::uint64_t id, std::string_view what) {
    if (id >= std::numeric_limits<std::uint32_t>::max())
        return Problem("", fmt::format("its {} is beyond 32 bits", what));
    return static_cast<std::uint32_t>(id);
}

bool has_zero(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

Parsed<void> take_attributes(const TarHeader& header, const PaxRecords& records, TarEntry& entry) {
    const Parsed<std::uint32_t> uid = owner(header.uid, "uid");
    if (!uid) return uid.error();
    const Parsed<std::uint32_t> gid = owner(header.gid, "gid");
    if (!gid) return gid.error();
    entry.uid = *uid;
    entry.gid = *gid;
    entry.mode = header.mode;
    entry.mtime.seconds = header.mtime;
    const auto mtime = records.find("mtime");
    if (mtime == records.end() || mtime->second.empty()) return {};
    const Parsed<EntryTime> time = parse_pax_time(mtime->second);
    if (!time) return time.error();
    entry.mtime = *time;
    return {};
}

} // namespace

Parsed<void> apply_records(const PaxRecords& records, TarHeader& header) {
    take_text(records, "path", header.name);
    take_text(records, "linkpath", header.link);
    for (const auto& [keyword, number] :
         {std::pair{"size", &header.size}, {"uid", &header.uid}, {"gid", &header.gid}})
        if (const Parsed<void> taken = take_number(records, keyword, *number); !taken) return taken;
    return {};
}

Parsed<TarEntry> make_entry(const TarHeader& header, const PaxRecords& records) {
    TarEntry entry;
    entry.name = header.name;
    const bool slash = entry.name.ends_with('/');
    // "/" stays what it is, to be refused for what it is.
    while (entry.name.size() > 1 && entry.name.ends_with('/'))
        entry.name.pop_back();
    if (entry.name.empty()) return Problem("", "a member has no name");
    const std::optional<EntryType> type = type_of(header.type);
    if (!type) return Problem("", fmt::format("its type {} is unknown", printable(header.type)));
    entry.type = *type;
    // Before ustar a slash at its end made a directory.
    if (header.type == '\0' && slash) entry.type = EntryType::directory;
    const bool is_link = entry.type == EntryType::symlink || entry.type == EntryType::hard_link;
    if (is_link) entry.link = header.link;
    if (is_link && entry.link.empty()) return Problem("", "it is a link to nothing");
    if (has_zero(entry.name) || has_zero(entry.link))
        return Problem("", "a name with a zero byte is none");
    if (const Parsed<void> taken = take_attributes(header, records, entry); !taken)
        return taken.error();
    // Only files have data: what others say of their size is about something else.
    if (entry.type == EntryType::file) entry.size = header.size;
    return entry;
}

} // namespace rouse::files
