#include "agent/debug/openmetrics.hpp"

#include <fmt/format.h>

#include <iterator>

namespace rouse::debug {

namespace {

std::string_view name_of(MetricType type) {
    switch (type) {
    case MetricType::counter:
        return "counter";
    case MetricType::gauge:
        return "gauge";
    case MetricType::info:
        return "info";
    case MetricType::stateset:
        return "stateset";
    }
    return "unknown";
}

std::string_view suffix_of(MetricType type) {
    if (type == MetricType::counter) return "_total";
    return type == MetricType::info ? "_info" : "";
}

/// Quotes, backslashes and newlines of a label's value or a help text.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"') result += '\\';
        if (c == '\n')
            result += "\\n";
        else
            result += c;
    }
    return result;
}

} // namespace

void OpenMetrics::family(std::string_view name, MetricType type, std::string_view unit,
                         std::string_view help) {
    const auto out = std::back_inserter(text_);
    fmt::format_to(out, "# TYPE {} {}\n", name, name_of(type));
    if (!unit.empty()) fmt::format_to(out, "# UNIT {} {}\n", name, unit);
    fmt::format_to(out, "# HELP {} {}\n", name, escaped(help));
    sample_name_ = fmt::format("{}{}", name, suffix_of(type));
}

void OpenMetrics::sample(const Labels& labels, std::uint64_t value) {
    write(labels, fmt::format("{}", value));
}

void OpenMetrics::sample(const Labels& labels, double value) {
    write(labels, fmt::format("{}", value));
}

void OpenMetrics::write(const Labels& labels, std::string_view value) {
    text_ += sample_name_;
    std::string_view before = "{";
    for (const auto& [name, content] : labels) {
        fmt::format_to(std::back_inserter(text_), "{}{}=\"{}\"", before, name, escaped(content));
        before = ",";
    }
    if (!labels.empty()) text_ += '}';
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

std::string OpenMetrics::take() {
    text_ += "# EOF\n";
    return std::move(text_);
}

} // namespace rouse::debug
