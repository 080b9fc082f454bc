#include "proto/tables/cells.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

std::string human_bytes(double number) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (number >= 1024 && unit + 1 < units.size()) {
        number /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} B", number)
                     : fmt::format("{:.1f} {}", number, units[unit]);
}

std::string human_time(double us) {
    constexpr double second = 1e6;
    if (us < 1e3) return fmt::format("{:.0f} us", us);
    if (us < second) return fmt::format("{:.1f} ms", us / 1e3);
    if (us < 120 * second) return fmt::format("{:.2f} s", us / second);
    const auto seconds = static_cast<std::uint64_t>(us / second);
    if (seconds < 7200) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

template <typename Format>
std::string scaled(const json::value& value, double scale, Format format) {
    const std::optional<std::uint64_t> number = count(value);
    return number ? format(static_cast<double>(*number) * scale) : "-";
}

} // namespace

const json::value& at(const json::value& value, std::initializer_list<std::string_view> path) {
    static const json::value nothing;
    const json::value* current = &value;
    for (const std::string_view name : path) {
        const json::object* const object = current->if_object();
        current = object == nullptr ? nullptr : object->if_contains(name);
        if (current == nullptr) return nothing;
    }
    return *current;
}

std::string plain(const json::value& value) {
    if (value.is_null()) return "-";
    std::string text =
        value.is_string() ? json::value_to<std::string>(value) : json::serialize(value);
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
    return text;
}

std::string words(const json::value& array) {
    std::string line;
    if (array.is_array())
        for (const json::value& word : array.get_array())
            line += (line.empty() ? "" : " ") + plain(word);
    return line;
}

std::string members(const json::value& object) {
    std::string line;
    if (object.is_object())
        for (const auto& member : object.get_object())
            line += fmt::format("{}{} {}", line.empty() ? "" : "  ", std::string_view(member.key()),
                                plain(member.value()));
    return line;
}

std::optional<std::uint64_t> count(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0)
        return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

std::string bytes(const json::value& value) {
    return scaled(value, 1, human_bytes);
}

std::string kibibytes(const json::value& value) {
    return scaled(value, 1024, human_bytes);
}

std::string microseconds(const json::value& value) {
    return scaled(value, 1, human_time);
}

std::string milliseconds(const json::value& value) {
    return scaled(value, 1000, human_time);
}

std::string hundredths(const json::value& value) {
    return scaled(value, 0.01, [](double number) { return fmt::format("{:.2f}", number); });
}

std::string time_of_day(const json::value& nanoseconds) {
    const std::optional<std::uint64_t> number = count(nanoseconds);
    if (!number) return "-";
    constexpr std::uint64_t second = 1'000'000'000;
    const auto seconds = static_cast<std::time_t>(*number / second);
    std::tm utc{};
    if (::gmtime_r(&seconds, &utc) == nullptr) return "-";
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       *number % second / 1'000'000);
}

} // namespace rouse::proto::tables
