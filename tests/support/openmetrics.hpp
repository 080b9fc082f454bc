#pragma once
// A strict reader of the OpenMetrics text format: what it accepts, a scraper accepts.

#include <map>
#include <string>
#include <string_view>

namespace rouse::test {

struct MetricFamily {
    std::string type; ///< "counter", "gauge", "info", "stateset"
    std::string unit; ///< empty: none
    std::string help;
};

struct OpenMetricsText {
    std::map<std::string, MetricFamily> families;
    std::map<std::string, double> samples; ///< `name{label="value"}` as in the text
};

/// Reads a whole exposition. Throws std::runtime_error with the line that breaks a rule: end mark
/// last, every family described once and before its samples, no family in two places, the suffixes
/// of its type, the unit at the end of its name, no sample twice, values in their range.
[[nodiscard]] OpenMetricsText read_openmetrics(std::string_view text);

} // namespace rouse::test
