#include "agent/files/sparse_map.hpp"

#include "agent/files/pax.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse::files {

namespace {

using proto::Parsed;
using proto::Problem;

constexpr std::size_t longest_number = 20;

Problem sparse_malformed() {
    return {"", "the map of its holes is malformed"};
}

Problem too_many() {
    return {"", fmt::format("it has more than {} pieces between holes", most_extents)};
}

/// Entries of 12 + 12 bytes, the flag behind them.
Parsed<bool> read_entries(std::string_view bytes, std::size_t count, SparseMap& map) {
    constexpr std::size_t field = 12;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view entry = bytes.substr(i * 2 * field, 2 * field);
        if (entry[0] == '\0') break;
        const Parsed<std::int64_t> offset = decode_number(entry.substr(0, field), "map");
        const Parsed<std::int64_t> length = decode_number(entry.substr(field), "map");
        if (!offset || !length || *offset < 0 || *length < 0) return sparse_malformed();
        if (map.size() >= most_map_entries) return too_many();
        map.push_back({.offset = static_cast<std::uint64_t>(*offset),
                       .length = static_cast<std::uint64_t>(*length)});
    }
    return bytes[count * 2 * field] != '\0';
}

} // namespace

std::uint64_t stored_bytes(const TarEntry& entry) {
    if (entry.type != EntryType::file) return 0;
    if (!entry.data) return entry.size;
    std::uint64_t stored = 0;
    for (const Extent& extent : *entry.data)
        stored += extent.length;
    return stored;
}

Parsed<void> check_map(SparseMap& map, std::uint64_t size, std::uint64_t stored) {
    std::uint64_t behind = 0; // the last one
    std::uint64_t sum = 0;
    for (const Extent& extent : map) {
        if (extent.offset < behind || extent.offset > size || extent.length > size - extent.offset)
            return sparse_malformed();
        behind = extent.offset + extent.length;
        sum += extent.length; // at most `size`, since they do not overlap
    }
    if (sum != stored) return sparse_malformed();
    std::erase_if(map, [](const Extent& extent) { return extent.length == 0; });
    return {};
}

std::string encode_map(const SparseMap& map, std::uint64_t size) {
    const bool hole_at_end = map.empty() || map.back().offset + map.back().length < size;
    std::string text = fmt::format("{}\n", map.size() + (hole_at_end ? 1 : 0));
    for (const Extent& extent : map)
        text += fmt::format("{}\n{}\n", extent.offset, extent.length);
    if (hole_at_end) text += fmt::format("{}\n0\n", size);
    text.resize(text.size() + padding_after(text.size()), '\0');
    return text;
}

Parsed<void> SparseMapDecoder::feed(const TarBlock& bytes) {
    for (const char byte : bytes) {
        if (complete()) break; // padding
        if (byte != '\n') {
            line_.push_back(byte);
            if (line_.size() > longest_number) return sparse_malformed();
            continue;
        }
        if (const Parsed<void> taken = take(std::exchange(line_, {})); !taken) return taken;
    }
    return {};
}

Parsed<void> SparseMapDecoder::take(std::string_view number) {
    const Parsed<std::uint64_t> value = parse_decimal(number, "map");
    if (!value) return sparse_malformed();
    const std::uint64_t index = numbers_++;
    if (index == 0) {
        if (*value > most_map_entries) return too_many();
        wanted_ = *value;
    } else if (index % 2 == 1) {
        offset_ = *value;
    } else {
        map_.push_back({.offset = offset_, .length = *value});
    }
    return {};
}

Parsed<SparseMap> parse_map_record(std::string_view text) {
    SparseMap map;
    while (!text.empty()) {
        const std::size_t first = text.find(',');
        if (first == std::string_view::npos) return sparse_malformed();
        const std::size_t second = text.find(',', first + 1);
        const Parsed<std::uint64_t> offset = parse_decimal(text.substr(0, first), "map");
        const Parsed<std::uint64_t> length =
            parse_decimal(text.substr(first + 1, second - first - 1), "map");
        if (!offset || !length) return sparse_malformed();
        if (map.size() >= most_map_entries) return too_many();
        map.push_back({.offset = *offset, .length = *length});
        text.remove_prefix(second == std::string_view::npos ? text.size() : second + 1);
    }
    return map;
}

Parsed<bool> read_old_header(const TarBlock& header, SparseMap& map) {
    return read_entries(std::string_view(header.data(), header.size()).substr(386), 4, map);
}

Parsed<std::uint64_t> old_real_size(const TarBlock& header) {
    const Parsed<std::int64_t> size =
        decode_number(std::string_view(header.data(), header.size()).substr(483, 12), "size");
    if (!size || *size < 0) return sparse_malformed();
    return static_cast<std::uint64_t>(*size);
}

Parsed<bool> read_old_extension(const TarBlock& bytes, SparseMap& map) {
    return read_entries(std::string_view(bytes.data(), bytes.size()), 21, map);
}

} // namespace rouse::files
