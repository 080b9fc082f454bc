#pragma once
// The target of a request: path and query.

#include "agent/io/http.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rouse::io {

/// Reads "/path?name=value&…" into `request`; escapes are decoded, the last of equal names wins.
/// Returns whether it is a path whose escapes are well formed.
bool read_target(std::string_view target, HttpRequest& request);

/// "%2F" → "/". Nothing when an escape is malformed. Source: RFC 3986, section 2.1.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace rouse::io
