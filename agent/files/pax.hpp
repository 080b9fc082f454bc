#pragma once
// The records of a pax extended header: what has no room in a ustar header. No I/O. Source:
// POSIX.1-2017, pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".

#include "agent/files/tar_entry.hpp"
#include "proto/problem.hpp"

#include <map>
#include <string>
#include <string_view>

namespace rouse::files {

/// Keyword → value. An empty value takes back what an earlier header said.
using PaxRecords = std::map<std::string, std::string, std::less<>>;

/// Reads "LENGTH KEYWORD=VALUE\n" one after the other into `records`; later ones win.
proto::Parsed<void> parse_pax(std::string_view bytes, PaxRecords& records);

/// One record.
std::string pax_record(std::string_view keyword, std::string_view value);

/// "-1.5" and the like, with all digits of the nanoseconds that count.
std::string pax_time(const EntryTime& time);
/// Digits beyond nanoseconds are cut.
proto::Parsed<EntryTime> parse_pax_time(std::string_view text);

/// Decimal digits and nothing else, below 2⁶³. `what` names it in the problem.
proto::Parsed<std::uint64_t> parse_decimal(std::string_view text, std::string_view what);

} // namespace rouse::files
