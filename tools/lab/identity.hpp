// Fresh identities for virtual machines.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>

namespace rouse::lab {

/// A random UUID in its usual form.
[[nodiscard]] std::string random_uuid();

/// A random CID for a guest, never `other`. CIDs of at most 32 bits without the reserved ones.
[[nodiscard]] std::uint32_t random_cid(std::uint32_t other = 0);

/// A random machine id: 32 hexadecimal digits. Source: machine-id(5).
[[nodiscard]] std::string random_machine_id();

/// The restore document that a host hands to a restored guest: `more`, the new generation and 32
/// fresh random bytes as entropy. The time is added when it is handed out.
[[nodiscard]] boost::json::object restore_document(const std::string& generation,
                                                   boost::json::object more = {});

} // namespace rouse::lab
