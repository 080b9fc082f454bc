#pragma once
// What took how long from power-on to READY, by the kernel's clock.

#include "agent/boot/steps.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace rouse::boot {

/// Times are those of sys::since_boot(). A copy is what the agent shows.
struct Timeline {
    std::chrono::microseconds init{0};  ///< when the first instruction of ours ran
    std::vector<TimedStep> steps;       ///< in the order of their ends; empty under `rouse run`
    std::chrono::microseconds agent{0}; ///< when the agent began, after all steps
    std::optional<std::chrono::microseconds> ready; ///< when READY was said first
};

/// The document of `GET /v1/debug/boot` (proto/README.md).
boost::json::object to_json(const Timeline& timeline);

} // namespace rouse::boot
