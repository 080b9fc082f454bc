#include "agent/debug/metrics.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace rouse::debug {

namespace json = boost::json;

namespace {

/// A value that the table points to, and the element of an array that it is of.
struct Found {
    std::string label;
    const json::value* value = nullptr;
};

const json::value* member(const json::value& value, std::string_view pointer) {
    boost::system::error_code missing;
    return value.find_pointer(pointer, missing);
}

/// A step may come twice in a report; a sample may not.
void replace_or_add(std::vector<Found>& all, Found found) {
    const auto same = std::ranges::find(all, found.label, &Found::label);
    if (same == all.end())
        all.push_back(std::move(found));
    else
        *same = std::move(found);
}

std::vector<Found> find(const json::value& documents, const Metric& metric) {
    const std::size_t star = metric.path.find("/*");
    if (star == std::string_view::npos) {
        const json::value* const value = member(documents, metric.path);
        return value == nullptr ? std::vector<Found>() : std::vector<Found>{{{}, value}};
    }
    std::vector<Found> all;
    const json::value* const array = member(documents, metric.path.substr(0, star));
    if (array == nullptr || !array->is_array()) return all;
    for (const json::value& element : array->get_array()) {
        const json::value* const value = member(element, metric.path.substr(star + 2));
        const json::value* const name =
            element.is_object() ? element.get_object().if_contains(metric.key) : nullptr;
        if (value != nullptr && name != nullptr && name->is_string())
            replace_or_add(all, {json::value_to<std::string>(*name), value});
    }
    return all;
}

/// Whether a value of the document can be told as a number: missing ones are null.
bool is_number(const json::value& value) {
    return value.is_number() || value.is_bool();
}

void write_number(OpenMetrics& text, const Metric& metric, const Labels& labels,
                  const json::value& value) {
    if (value.is_bool()) return text.sample(labels, std::uint64_t{value.get_bool() ? 1U : 0U});
    if (metric.scale != 1) return text.sample(labels, value.to_number<double>() * metric.scale);
    if (value.is_double()) return text.sample(labels, value.get_double());
    text.sample(labels, value.to_number<std::uint64_t>());
}

/// One sample a state; a state that the table does not know comes last.
void write_states(OpenMetrics& text, const Metric& metric, Labels labels,
                  const std::string& current) {
    labels.emplace_back(metric.name, "");
    bool known = false;
    std::string_view rest = metric.states;
    while (!rest.empty()) {
        const std::string_view state = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(state.size() + 1, rest.size()));
        labels.back().second = state;
        text.sample(labels, std::uint64_t{state == current ? 1U : 0U});
        known = known || state == current;
    }
    if (known) return;
    labels.back().second = current;
    text.sample(labels, std::uint64_t{1});
}

void write(OpenMetrics& text, const Metric& metric, const Found& found) {
    Labels labels;
    if (!metric.label.empty() && metric.type != MetricType::info)
        labels.emplace_back(metric.label, found.label);
    if (metric.type == MetricType::stateset)
        return write_states(text, metric, std::move(labels),
                            json::value_to<std::string>(*found.value));
    if (metric.type == MetricType::info) {
        labels.emplace_back(metric.label, json::value_to<std::string>(*found.value));
        return text.sample(labels, std::uint64_t{1});
    }
    write_number(text, metric, labels, *found.value);
}

bool fits(const Metric& metric, const json::value& value) {
    const bool is_text = metric.type == MetricType::stateset || metric.type == MetricType::info;
    return is_text ? value.is_string() : is_number(value);
}

} // namespace

std::string metrics_text(const json::object& documents) {
    const json::value root(documents);
    OpenMetrics text;
    for (const Metric& metric : metrics()) {
        bool begun = false;
        for (const Found& found : find(root, metric)) {
            if (!fits(metric, *found.value)) continue;
            if (!begun) text.family(metric.name, metric.type, metric.unit, metric.help);
            begun = true;
            write(text, metric, found);
        }
    }
    return text.take();
}

} // namespace rouse::debug
