#include "agent/files/tar_reader.hpp"

#include "agent/files/tar_member.hpp"
#include "proto/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::files {

namespace {

using proto::Parsed;
using proto::Problem;

std::string_view record(const PaxRecords& records, std::string_view keyword) {
    const auto found = records.find(keyword);
    return found == records.end() ? std::string_view() : std::string_view(found->second);
}

} // namespace

Parsed<void> TarReader::fill(std::span<char> buffer) {
    while (!buffer.empty()) {
        const sys::Result<std::size_t> count = source_(buffer);
        if (!count) return Problem("archive", count.error().message());
        if (*count == 0)
            return Problem(current_, "the archive ends before its end: it was cut off");
        buffer = buffer.subspan(*count);
    }
    return {};
}

Parsed<TarBlock> TarReader::block() {
    TarBlock bytes{};
    if (const Parsed<void> filled = fill(bytes); !filled) return filled.error();
    return bytes;
}

Parsed<void> TarReader::skip(std::uint64_t count) {
    std::array<char, 16384> thrown_away{};
    while (count > 0) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(count, thrown_away.size()));
        if (const Parsed<void> filled = fill({thrown_away.data(), size}); !filled) return filled;
        count -= size;
    }
    return {};
}

Parsed<void> TarReader::finish_member() {
    // Both are below 2^63, so the sum is a number.
    const std::uint64_t rest = std::exchange(left_, 0) + std::exchange(padding_, 0);
    return skip(rest);
}

Parsed<std::optional<TarEntry>> TarReader::next() {
    if (ended_) return std::nullopt;
    if (const Parsed<void> finished = finish_member(); !finished) return finished.error();
    Extensions extensions;
    extensions.records = global_;
    for (;;) {
        const Parsed<TarBlock> bytes = block();
        if (!bytes) return bytes.error();
        if (is_zero(*bytes)) {
            ended_ = true;
            return std::nullopt;
        }
        Parsed<TarHeader> header = decode_header(*bytes);
        if (!header) return header.error();
        current_ = header->name;
        const Parsed<bool> taken = take_extension(*header, extensions);
        if (!taken) return taken.error();
        if (*taken) continue;
        Parsed<TarEntry> entry = member(*bytes, std::move(*header), std::move(extensions));
        if (!entry) return Problem(current_, entry.error().why);
        return std::move(*entry);
    }
}

Parsed<bool> TarReader::take_extension(const TarHeader& header, Extensions& extensions) {
    if (header.type == 'V') { // a label; its size means nothing
        extensions = {};
        return true;
    }
    if (std::string_view("xgLK").find(header.type) == std::string_view::npos) return false;
    const Parsed<std::string> text = payload(header, extensions);
    if (!text) return text.error();
    if (header.type == 'L') extensions.name = text->substr(0, text->find('\0'));
    if (header.type == 'K') extensions.link = text->substr(0, text->find('\0'));
    if (header.type == 'x' || header.type == 'g')
        if (const Parsed<void> parsed = parse_pax(*text, extensions.records); !parsed)
            return Problem(current_, parsed.error().message());
    // What is said of all members to come is kept as a whole, so it is bounded like one header.
    if (header.type == 'g')
        if (const Parsed<void> parsed = parse_pax(*text, global_); !parsed) return parsed.error();
    std::size_t kept = 0;
    for (const auto& [keyword, value] : global_)
        kept += keyword.size() + value.size();
    if (kept > proto::limits::tar_extension)
        return Problem(current_, "the global headers of the archive are too large");
    return true;
}

Parsed<std::string> TarReader::payload(const TarHeader& header, Extensions& extensions) {
    constexpr std::size_t most = proto::limits::tar_extension;
    if (header.size > most - extensions.bytes)
        return Problem(current_, fmt::format("its extended header is above {} bytes", most));
    extensions.bytes += static_cast<std::size_t>(header.size) + 1; // an empty one is not free
    extensions.bytes = std::min(extensions.bytes, most);
    std::string text(static_cast<std::size_t>(header.size), '\0');
    if (const Parsed<void> filled = fill(text); !filled) return filled.error();
    if (const Parsed<void> skipped = skip(padding_after(header.size)); !skipped)
        return skipped.error();
    return text;
}

Parsed<TarEntry> TarReader::member(const TarBlock& bytes, TarHeader header, Extensions extensions) {
    if (!extensions.name.empty()) header.name = extensions.name;
    if (!extensions.link.empty()) header.link = extensions.link;
    if (const Parsed<void> applied = apply_records(extensions.records, header); !applied)
        return applied.error();
    const std::string_view sparse_name = record(extensions.records, "GNU.sparse.name");
    if (!sparse_name.empty()) header.name = sparse_name;
    if (!header.name.empty()) current_ = header.name;
    Parsed<TarEntry> entry = make_entry(header, extensions.records);
    if (!entry) return entry;
    current_ = entry->name;
    left_ = entry->size;
    padding_ = padding_after(left_);
    if (entry->type != EntryType::file) return entry;
    const Parsed<void> sparse = read_sparse(bytes, header, extensions.records, *entry);
    if (!sparse) return sparse.error();
    return entry;
}

Parsed<void> TarReader::read_sparse(const TarBlock& bytes, const TarHeader& header,
                                    const PaxRecords& records, TarEntry& entry) {
    SparseMap map;
    const Parsed<bool> is_sparse =
        header.type == 'S' ? read_old_map(bytes, entry, map) : read_pax_map(records, entry, map);
    if (!is_sparse) return is_sparse.error();
    if (!*is_sparse) return {};
    if (const Parsed<void> checked = check_map(map, entry.size, left_); !checked) return checked;
    entry.data = std::move(map);
    return {};
}

Parsed<bool> TarReader::read_pax_map(const PaxRecords& records, TarEntry& entry, SparseMap& map) {
    const std::string_view major = record(records, "GNU.sparse.major");
    const std::string_view old_map = record(records, "GNU.sparse.map");
    const std::string_view old_size = record(records, "GNU.sparse.size");
    if (major.empty() && old_map.empty() && old_size.empty()) return false;
    if (major.empty() && old_map.empty())
        return Problem("", "the form of its holes (GNU sparse 0.0) is not supported");
    const Parsed<std::uint64_t> size = parse_decimal(
        major.empty() ? old_size : record(records, "GNU.sparse.realsize"), "real size");
    if (!size) return size.error();
    entry.size = *size;
    if (major.empty()) {
        Parsed<SparseMap> parsed = parse_map_record(old_map);
        if (!parsed) return parsed.error();
        map = std::move(*parsed);
        return true;
    }
    if (major != "1" || record(records, "GNU.sparse.minor") != "0")
        return Problem("", "the form of its holes is unknown");
    if (const Parsed<void> read = read_map_blocks(map); !read) return read.error();
    return true;
}

Parsed<bool> TarReader::read_old_map(const TarBlock& bytes, TarEntry& entry, SparseMap& map) {
    const Parsed<std::uint64_t> size = old_real_size(bytes);
    if (!size) return size.error();
    entry.size = *size;
    Parsed<bool> more = read_old_header(bytes, map);
    while (more && *more) {
        const Parsed<TarBlock> next_block = block();
        if (!next_block) return next_block.error();
        const std::size_t before = map.size();
        more = read_old_extension(*next_block, map);
        // Else blocks without an entry could go on for ever.
        if (more && *more && map.size() == before)
            return Problem("", "the map of its holes is malformed");
    }
    if (!more) return more.error();
    return true;
}

Parsed<void> TarReader::read_map_blocks(SparseMap& map) {
    SparseMapDecoder decoder;
    while (!decoder.complete()) {
        if (left_ < tar_block) return Problem("", "the map of its holes is malformed");
        const Parsed<TarBlock> bytes = block();
        if (!bytes) return bytes.error();
        left_ -= tar_block;
        if (const Parsed<void> fed = decoder.feed(*bytes); !fed) return fed;
    }
    map = std::move(decoder.map());
    return {};
}

Parsed<std::size_t> TarReader::read(std::span<char> buffer) {
    if (left_ == 0) return std::size_t{0};
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    const sys::Result<std::size_t> count = source_(buffer.subspan(0, wanted));
    if (!count) return Problem("archive", count.error().message());
    if (*count == 0) return Problem(current_, "the archive ends before its end: it was cut off");
    left_ -= *count;
    return *count;
}

} // namespace rouse::files
