#pragma once
// A picture of one restore or one boot, as SVG: its steps one below the other, each where it was in
// time. Readable on a dark and on a light background.

#include "proto/restore.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rouse::bench {

/// A piece of what a timeline shows.
struct Span {
    /// Who has to do with it: each has a colour of its own.
    enum class By {
        agent,
        others, ///< the agent waits for them, or they work before and after it
        failed,
    };
    std::string name;
    double begin_ms = 0;
    double length_ms = 0;
    By by = By::agent;
    std::string said = {}; ///< what stands behind its length
};

/// The whole document, as long as its spans last. `note` explains it in a line.
[[nodiscard]] std::string timeline(std::string_view title, std::string_view note,
                                   const std::vector<Span>& spans);

/// That of a restore. Each step begins where the one before ended; its duration and outcome stand
/// beside it. A step in which the agent waits for the host is of another colour than its own work.
[[nodiscard]] std::string timeline(std::string_view title, const proto::RestoreReport& report);

/// Whether a step of the chain is spent waiting for the host.
[[nodiscard]] bool waits_for_host(const proto::RestoreStep& step);

} // namespace rouse::bench
