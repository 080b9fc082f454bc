#pragma once
// Values of a document as cells of a table. What is missing is "-": the agent may be another
// version than the one that prints.

#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::proto::tables {

/// The member at a path of names, or null. Borrows the value.
const boost::json::value& at(const boost::json::value& value,
                             std::initializer_list<std::string_view> path);

/// As it is, without the control characters that a terminal would obey.
std::string plain(const boost::json::value& value);

/// The elements of an array with spaces between them.
std::string words(const boost::json::value& array);

/// "name value" of each member, with two spaces between them.
std::string members(const boost::json::value& object);

/// Nothing for anything but a number that is not negative.
std::optional<std::uint64_t> count(const boost::json::value& value);

/// 1536 → "1.5 KiB".
std::string bytes(const boost::json::value& value);
/// The same for a number of KiB.
std::string kibibytes(const boost::json::value& value);
/// 1500000 → "1.50 s": of microseconds, and of milliseconds.
std::string microseconds(const boost::json::value& value);
std::string milliseconds(const boost::json::value& value);
/// 142 → "1.42".
std::string hundredths(const boost::json::value& value);
/// Nanoseconds since 1970 → "2026-01-31 23:59:59.123" in UTC.
std::string time_of_day(const boost::json::value& nanoseconds);

} // namespace rouse::proto::tables
