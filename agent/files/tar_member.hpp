#pragma once
// From a header and the records that came before it to a member. No I/O.

#include "agent/files/pax.hpp"
#include "agent/files/tar_entry.hpp"
#include "agent/files/tar_header.hpp"
#include "proto/problem.hpp"

namespace rouse::files {

/// Lets pax records replace fields of the header: path, linkpath, size, uid, gid.
proto::Parsed<void> apply_records(const PaxRecords& records, TarHeader& header);

/// The member, but for the map of a sparse file. A problem for a type that nobody knows, an owner
/// beyond 32 bits, or a name that is empty or has a zero byte.
proto::Parsed<TarEntry> make_entry(const TarHeader& header, const PaxRecords& records);

} // namespace rouse::files
