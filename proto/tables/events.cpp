#include "proto/tables/cells.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace rouse::proto::tables {

namespace json = boost::json;

namespace {

/// A report in short: the table of the epochs has its steps.
std::string body_of(const json::value& event) {
    const json::value& report = at(event, {"body", "report"});
    if (report.is_null()) return members(at(event, {"body"}));
    return fmt::format("{} by {}: {}, exec {}, {}", plain(at(report, {"kind"})),
                       plain(at(report, {"trigger"})), plain(at(report, {"state"})),
                       plain(at(report, {"exec"})), microseconds(at(report, {"total_us"})));
}

} // namespace

// Fixed columns instead of a grid: events are printed one by one as they come.
std::string event_line(const json::value& event) {
    if (plain(at(event, {"type"})) == "gap")
        return fmt::format("-- {} events from {} on are gone --\n", plain(at(event, {"count"})),
                           plain(at(event, {"from"})));
    return fmt::format("{}  {:>5}  epoch {:<3} {:<20} {}\n", time_of_day(at(event, {"time_ns"})),
                       plain(at(event, {"sequence"})), plain(at(event, {"epoch"})),
                       plain(at(event, {"type"})), body_of(event));
}

std::string events_table(const json::value& document) {
    std::string text;
    const json::value& events = at(document, {"events"});
    if (events.is_array())
        for (const json::value& event : events.get_array())
            text += event_line(event);
    if (count(at(document, {"lost"})).value_or(0) > 0)
        text += fmt::format("{} older events are gone\n", plain(at(document, {"lost"})));
    return text;
}

} // namespace rouse::proto::tables
