#pragma once
// A picture of one restore, as SVG: its steps one below the other, each where it was in time.
// Readable on a dark and on a light background.

#include "proto/restore.hpp"

#include <string>
#include <string_view>

namespace rouse::bench {

/// The whole document. Each step begins where the one before ended; its duration and outcome stand
/// beside it. A step in which the agent waits for the host is of another colour than its own work.
[[nodiscard]] std::string timeline(std::string_view title, const proto::RestoreReport& report);

/// Whether a step of the chain is spent waiting for the host.
[[nodiscard]] bool waits_for_host(const proto::RestoreStep& step);

} // namespace rouse::bench
