#pragma once
// Two connections that become one: bytes of each go to the other.

#include "tools/host/async.hpp"

namespace rouse::host {

/// Whether the end of one direction can be passed on to the far connection while the other
/// direction goes on. A hybrid Unix socket cannot (proto/README.md, "Connections").
enum class HalfClose { passed_on, kept_back };

/// Returns when both directions have ended, or one broke, which ends the other. Borrows both.
/// Where a half-close is kept back, the end of `near` ends everything once nobody is there to read.
Awaitable<> relay_bytes(Socket& near, Socket& far, HalfClose half_close);

} // namespace rouse::host
