#pragma once
// Waiting for something outside that announces nothing: asked again and again until a deadline.

#include "tools/lab/deadline.hpp"

#include <chrono>
#include <stdexcept>
#include <string>

namespace rouse::test {

/// Returns when `condition()` holds; throws std::runtime_error with `describe()` after `limit`.
template <typename Condition, typename Describe>
void wait_until(Condition condition, Describe describe, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    while (!condition()) {
        if (deadline.expired())
            throw std::runtime_error("not within " + std::to_string(limit.count()) +
                                     " ms: " + describe());
        lab::wait_to_retry(deadline);
    }
}

} // namespace rouse::test
