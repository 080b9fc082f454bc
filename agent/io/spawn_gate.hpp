#pragma once
// Whether processes may be started for clients now: a restore or a preparation for a snapshot may
// forbid it for a while. What exec and files have in common.

#include "agent/io/http.hpp"

#include <functional>
#include <optional>

namespace rouse::io {

struct SpawnGate {
    /// Waits, for a bounded time, until they may. An answer: they may not, and why.
    std::function<Awaitable<std::optional<HttpReply>>()> wait;
    /// The same without waiting: what was allowed may not be any more when it is done.
    std::function<std::optional<HttpReply>()> refusal;
};

} // namespace rouse::io
