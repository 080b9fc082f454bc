#pragma once
// Names for sessions that nobody named.

#include <string>

namespace rouse::host {

/// 16 random hexadecimal digits.
std::string new_session_id();

} // namespace rouse::host
