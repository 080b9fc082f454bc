#pragma once
// The documents of `GET /v1/debug/NAME` as tables for people: one rendering for `rouse debug`
// inside the guest and for rousectl outside.

#include <boost/json/value.hpp>

#include <span>
#include <string>
#include <string_view>

namespace rouse::proto::tables {

/// A document below /v1/debug/ and what it is about.
struct Topic {
    std::string_view name;
    std::string_view about;
    std::string (*table)(const boost::json::value& document);
};

/// All of them, in the order for a usage text.
std::span<const Topic> topics();
/// Null for a name that is none.
const Topic* find_topic(std::string_view name);

/// Each prints what it finds and leaves out what is missing: the agent may be another version.
std::string status_table(const boost::json::value& document);
std::string relays_table(const boost::json::value& document);
std::string conns_table(const boost::json::value& document);
std::string reaper_table(const boost::json::value& document);
std::string epochs_table(const boost::json::value& document);
std::string events_table(const boost::json::value& document);
std::string boot_table(const boost::json::value& document);
std::string vitals_table(const boost::json::value& document);

/// The document of `GET /v1/sessions`.
std::string sessions_table(const boost::json::value& document);

/// One event of `GET /v1/events`, a gap included, as one line with its newline.
std::string event_line(const boost::json::value& event);

} // namespace rouse::proto::tables
