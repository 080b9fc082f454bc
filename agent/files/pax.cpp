#include "agent/files/pax.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace rouse::files {

namespace {

using proto::Parsed;
using proto::Problem;

constexpr std::uint32_t second = 1'000'000'000;

Problem malformed() {
    return {"pax header", "it is malformed"};
}

/// The digits after the point, as nanoseconds.
Parsed<std::uint32_t> parse_fraction(std::string_view digits) {
    std::uint32_t value = 0;
    std::uint32_t unit = second;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return malformed();
        unit /= 10;
        value += unit * static_cast<std::uint32_t>(digit - '0');
    }
    return value;
}

} // namespace

Parsed<std::uint64_t> parse_decimal(std::string_view text, std::string_view what) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || value > std::numeric_limits<std::int64_t>::max())
        return Problem("", fmt::format("its {} is no number below 2^63", what));
    return value;
}

Parsed<void> parse_pax(std::string_view bytes, PaxRecords& records) {
    while (!bytes.empty()) {
        const std::size_t blank = bytes.find(' ');
        if (blank == std::string_view::npos || blank > 6) return malformed();
        const Parsed<std::uint64_t> length = parse_decimal(bytes.substr(0, blank), "length");
        if (!length || *length > bytes.size() || *length < blank + 3) return malformed();
        const std::string_view record = bytes.substr(blank + 1, *length - blank - 1);
        const std::size_t equals = record.find('=');
        if (equals == 0 || equals == std::string_view::npos || !record.ends_with('\n'))
            return malformed();
        const std::string_view value = record.substr(equals + 1, record.size() - equals - 2);
        records.insert_or_assign(std::string(record.substr(0, equals)), std::string(value));
        bytes.remove_prefix(*length);
    }
    return {};
}

std::string pax_record(std::string_view keyword, std::string_view value) {
    // The length counts its own digits.
    const std::size_t rest = keyword.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (rest + fmt::formatted_size("{}", length) != length)
        length = rest + fmt::formatted_size("{}", length);
    return fmt::format("{} {}={}\n", length, keyword, value);
}

std::string pax_time(const EntryTime& time) {
    if (time.nanoseconds == 0) return fmt::format("{}", time.seconds);
    if (time.seconds >= 0) return fmt::format("{}.{:09}", time.seconds, time.nanoseconds);
    // -1.5 is half a second after -2.
    return fmt::format("-{}.{:09}", -(time.seconds + 1), second - time.nanoseconds);
}

Parsed<EntryTime> parse_pax_time(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    const Parsed<std::uint64_t> seconds = parse_decimal(text.substr(0, point), "mtime");
    if (!seconds) return seconds.error();
    const Parsed<std::uint32_t> fraction = parse_fraction(
        point == std::string_view::npos ? std::string_view() : text.substr(point + 1));
    if (!fraction) return Problem("", "its mtime is no number");
    EntryTime time{.seconds = static_cast<std::int64_t>(*seconds), .nanoseconds = *fraction};
    if (!negative) return time;
    time.seconds = -time.seconds;
    if (time.nanoseconds > 0) {
        --time.seconds;
        time.nanoseconds = second - time.nanoseconds;
    }
    return time;
}

} // namespace rouse::files
