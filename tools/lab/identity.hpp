// Fresh identities for virtual machines.
#pragma once

#include <cstdint>
#include <string>

namespace rouse::lab {

/// A random UUID in its usual form.
[[nodiscard]] std::string random_uuid();

/// A random CID for a guest, never `other`. CIDs of at most 32 bits without the reserved ones.
[[nodiscard]] std::uint32_t random_cid(std::uint32_t other = 0);

/// The restore document that a host hands to a restored guest, as JSON: the new generation and 32
/// fresh random bytes as entropy. The collector adds the time when it hands the document out.
[[nodiscard]] std::string restore_document(const std::string& generation);

} // namespace rouse::lab
