#pragma once
// Base64 with padding (RFC 4648, section 4), for bytes that are not text inside JSON.

#include "proto/problem.hpp"

#include <string>
#include <string_view>

namespace rouse::proto {

std::string to_base64(std::string_view bytes);

/// Strict: refuses characters outside the alphabet, wrong padding and a wrong length.
Parsed<std::string> from_base64(std::string_view text);

} // namespace rouse::proto
