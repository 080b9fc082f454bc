#pragma once
// Text in the OpenMetrics format, written family by family. No I/O.
// Source: OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rouse::debug {

inline constexpr const char* openmetrics_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

enum class MetricType { counter, gauge, info, stateset };

using Labels = std::vector<std::pair<std::string_view, std::string>>;

class OpenMetrics {
public:
    /// Begins a family; its samples follow. `name` ends in the unit, if there is one, and never in
    /// _total or _info: the samples get those suffixes.
    void family(std::string_view name, MetricType type, std::string_view unit,
                std::string_view help);

    void sample(const Labels& labels, std::uint64_t value);
    void sample(const Labels& labels, double value);

    /// The whole text with its end mark; nothing is written afterwards.
    [[nodiscard]] std::string take();

private:
    void write(const Labels& labels, std::string_view value);

    std::string text_;
    std::string sample_name_;
};

} // namespace rouse::debug
