#pragma once
// Reads back what a collector writes as JSON lines or journal export, by the words of
// proto/README.md and of systemd's description of the format, not by the collector's code.

#include "proto/base64.hpp"
#include "proto/fields.hpp"

#include <charconv>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rouse::test {

/// A stream put together again. Throws std::runtime_error where a record does not begin where the
/// one before it ended.
struct Rebuilt {
    std::uint64_t start = 0;
    std::uint64_t next = 0;
    std::string bytes; ///< without those of gaps
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
    std::string eos;
    std::string boot_id;
    std::string parent;

    void begin(std::uint64_t offset) { start = next = offset; }
    void expect(std::uint64_t offset) const {
        if (offset != next)
            throw std::runtime_error("a record begins at " + std::to_string(offset) +
                                     " instead of " + std::to_string(next));
    }
    void add(std::uint64_t offset, std::string_view more) {
        expect(offset);
        bytes += more;
        next += more.size();
    }
    void lose(std::uint64_t offset, std::uint64_t count) {
        expect(offset);
        gaps.emplace_back(offset, count);
        next += count;
    }
};

inline Rebuilt rebuild_json(std::string_view text) {
    Rebuilt stream;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) throw std::runtime_error("half a line at the end");
        const auto line = proto::parse_json(text.substr(0, end)).value();
        text.remove_prefix(end + 1);
        const auto& members = line.as_object();
        const auto offset = members.at("offset").to_number<std::uint64_t>();
        if (const auto* opened = members.if_contains("opened")) {
            stream.begin(offset);
            stream.boot_id = opened->at("boot_id").as_string();
            if (opened->at("parent_generation").is_string())
                stream.parent = opened->at("parent_generation").as_string();
        }
        if (const auto* plain = members.if_contains("text")) stream.add(offset, plain->as_string());
        if (const auto* coded = members.if_contains("base64"))
            stream.add(offset, proto::from_base64(coded->as_string()).value());
        if (const auto* dropped = members.if_contains("dropped"))
            stream.lose(offset, dropped->to_number<std::uint64_t>());
        if (const auto* eos = members.if_contains("eos")) stream.eos = eos->as_string();
    }
    return stream;
}

using JournalEntry = std::map<std::string, std::string>;

/// The first entry of a text, which is cut off it.
inline JournalEntry take_journal_entry(std::string_view& text) {
    JournalEntry entry;
    for (;;) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) throw std::runtime_error("half an entry at the end");
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.empty()) return entry;
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            entry[std::string(line.substr(0, equals))] = line.substr(equals + 1);
            continue;
        }
        std::uint64_t length = 0; // binary: 8 bytes, the lowest first
        for (unsigned byte = 0; byte < 8; ++byte)
            length |= std::uint64_t{static_cast<unsigned char>(text.at(byte))} << (8 * byte);
        entry[std::string(line)] = text.substr(8, length);
        text.remove_prefix(8 + length);
        if (text.empty() || text.front() != '\n') throw std::runtime_error("a field without end");
        text.remove_prefix(1);
    }
}

inline std::uint64_t number_in(const JournalEntry& entry, const std::string& field) {
    std::uint64_t value = 0;
    const std::string& text = entry.at(field);
    (void)std::from_chars(text.data(), text.data() + text.size(), value); // 0 shows, too
    return value;
}

inline Rebuilt rebuild_journal(std::string_view text) {
    Rebuilt stream;
    while (!text.empty()) {
        const JournalEntry entry = take_journal_entry(text);
        const std::uint64_t offset = number_in(entry, "ROUSE_OFFSET");
        if (entry.contains("ROUSE_BOOT_ID")) {
            stream.begin(offset);
            stream.boot_id = entry.at("ROUSE_BOOT_ID");
            if (entry.contains("ROUSE_PARENT_GENERATION"))
                stream.parent = entry.at("ROUSE_PARENT_GENERATION");
        } else if (entry.contains("ROUSE_DROPPED")) {
            stream.lose(offset, number_in(entry, "ROUSE_DROPPED"));
        } else if (entry.contains("ROUSE_EOS")) {
            stream.eos = entry.at("ROUSE_EOS");
        } else {
            stream.add(offset, entry.at("MESSAGE") + (entry.contains("ROUSE_PARTIAL") ? "" : "\n"));
        }
        if (number_in(entry, "ROUSE_NEXT") != stream.next)
            throw std::runtime_error("ROUSE_NEXT is not where the entry ends");
    }
    return stream;
}

} // namespace rouse::test
