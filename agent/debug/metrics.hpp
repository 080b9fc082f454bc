#pragma once
// `GET /v1/metrics`: the documents of inspection as metrics. A table says which value is which
// metric, so that the two cannot tell different stories.

#include "agent/debug/openmetrics.hpp"

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>

namespace rouse::debug {

/// One family. `path` is a JSON pointer into the documents; a `*` in it stands for every element of
/// an array, which `label` names by its member `key`.
struct Metric {
    std::string_view name;
    MetricType type;
    std::string_view unit;
    std::string_view help;
    std::string_view path;
    double scale = 1;          ///< from the document's unit to that of the metric
    std::string_view label{};  ///< name of the label
    std::string_view key{};    ///< member of an element that is the label's value
    std::string_view states{}; ///< of a stateset: its states, with spaces between them
};

/// All families, in the order in which they are written.
std::span<const Metric> metrics();

/// The text of `documents`: an object with a document for each name of /v1/debug/, and what else
/// the table points to. Families without a value are left out.
std::string metrics_text(const boost::json::object& documents);

} // namespace rouse::debug
