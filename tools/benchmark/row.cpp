#include "tools/benchmark/row.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace rouse::bench {
namespace {

std::string verdict(const Row& row) {
    if (row.aim == Aim::none) return "reported";
    return row.met() ? "met" : "not met";
}

std::string reach_text(const Row& row) {
    if (row.aim == Aim::none) return {};
    return fmt::format("{} {:.2f}", row.aim == Aim::at_most ? "<=" : ">=", row.reach);
}

std::string ratio_text(const Row& row) {
    return row.aim == Aim::none ? std::string() : fmt::format("{:.3f}", row.ratio());
}

} // namespace

double Row::ratio() const {
    if (aim == Aim::none || reach == 0) return 0;
    return value / reach;
}

bool Row::met() const {
    return aim == Aim::none || (aim == Aim::at_most ? value <= reach : value >= reach);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double percentile(std::vector<double> values, double percent) {
    std::sort(values.begin(), values.end());
    const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
    return values[std::clamp<std::size_t>(static_cast<std::size_t>(rank), 1, values.size()) - 1];
}

std::string table(const std::vector<Row>& rows) {
    std::string text = fmt::format("{:<8}{:<45}{:>10} {:>12} {:<5}{:>7}  {:<9} {}\n", "bench",
                                   "what", "measured", "reach", "unit", "ratio", "", "how");
    for (const Row& row : rows)
        fmt::format_to(std::back_inserter(text),
                       "{:<8}{:<45}{:>10.2f} {:>12} {:<5}{:>7}  {:<9} {}; {}\n", row.bench,
                       row.what, row.value, reach_text(row), row.unit, ratio_text(row),
                       verdict(row), row.compared, row.detail);
    return text;
}

std::string table(const std::vector<Panel>& panels) {
    std::string text;
    for (const Panel& panel : panels) {
        fmt::format_to(std::back_inserter(text), "{} ({}, {} is better):\n  ", panel.title,
                       panel.unit, panel.better);
        std::string_view between;
        for (const Panel::Bar& bar : panel.bars) {
            fmt::format_to(std::back_inserter(text), "{}{} {:.4g}", between, bar.label, bar.value);
            between = " | ";
        }
        text += '\n';
    }
    return text;
}

boost::json::array to_json(const std::vector<Row>& rows) {
    boost::json::array array;
    for (const Row& row : rows) {
        boost::json::object object{{"bench", row.bench},
                                   {"what", row.what},
                                   {"value", row.value},
                                   {"unit", row.unit},
                                   {"verdict", verdict(row)}};
        if (row.aim != Aim::none) {
            object["aim"] = row.aim == Aim::at_most ? "at most" : "at least";
            object["reach"] = row.reach;
            object["ratio"] = row.ratio();
            object["met"] = row.met();
        }
        object["compared"] = row.compared;
        object["detail"] = row.detail;
        array.push_back(std::move(object));
    }
    return array;
}

boost::json::array to_json(const std::vector<Panel>& panels) {
    boost::json::array array;
    for (const Panel& panel : panels) {
        boost::json::object bars;
        for (const Panel::Bar& bar : panel.bars)
            bars[bar.label] = bar.value;
        array.push_back(boost::json::object{{"title", panel.title},
                                            {"unit", panel.unit},
                                            {"better", panel.better},
                                            {"values", std::move(bars)}});
    }
    return array;
}

} // namespace rouse::bench
