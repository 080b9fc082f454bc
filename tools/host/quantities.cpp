#include "tools/host/quantities.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace rouse::host {
namespace {

template <typename Unit>
using Units = std::array<std::pair<std::string_view, Unit>, 5>;

constexpr Units<std::int64_t> times{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"", 1000}}};
constexpr Units<std::uint64_t> sizes{
    {{"b", 1}, {"k", 1ULL << 10U}, {"m", 1ULL << 20U}, {"g", 1ULL << 30U}, {"", 1}}};

/// A number with a unit; nothing when it is neither, or too much.
template <typename Number>
std::optional<Number> quantity(std::string_view text, const Units<Number>& units) {
    Number value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || value < 0) return std::nullopt;
    const std::string_view unit(last, static_cast<std::size_t>(end - last));
    Number product = 0;
    for (const auto& [name, factor] : units)
        if (unit == name && !__builtin_mul_overflow(value, factor, &product)) return product;
    return std::nullopt;
}

} // namespace

Outcome<std::chrono::milliseconds> parse_duration(std::string_view text) {
    if (const auto value = quantity<std::int64_t>(text, times))
        return std::chrono::milliseconds(*value);
    return Failure(fmt::format("'{}' is no time: give 30s, 500ms, 2m or 1h", text));
}

Outcome<std::uint64_t> parse_size(std::string_view text) {
    std::string lower(text);
    for (char& letter : lower)
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (lower.size() > 2 && lower.ends_with('b') && lower[lower.size() - 2] > '9') lower.pop_back();
    if (const auto value = quantity<std::uint64_t>(lower, sizes)) return *value;
    return Failure(fmt::format("'{}' is no size: give bytes, or 64k, 512m, 2g", text));
}

Outcome<std::uint64_t> parse_cpus(std::string_view text) {
    constexpr double period_us = 100'000;
    constexpr double fewest = 0.01;
    constexpr double most = 4096;
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (!text.empty() && error == std::errc() && last == end && value >= fewest && value <= most)
        return static_cast<std::uint64_t>(value * period_us);
    return Failure(fmt::format("'{}' is no number of processors from {} on", text, fewest));
}

} // namespace rouse::host
