#pragma once
// The bearer token that a host must show, where one was configured.

#include <string_view>

namespace rouse::io {

/// Whether the Authorization field of a request carries `token`. The time it takes depends on the
/// length of what was sent, not on how much of it is right. Source: RFC 6750, section 2.1.
bool is_authorized(std::string_view authorization, std::string_view token);

} // namespace rouse::io
