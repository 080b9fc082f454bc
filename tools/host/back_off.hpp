#pragma once
// Pauses between tries that grow.

#include "tools/host/async.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rouse::host {

class BackOff {
public:
    static constexpr std::chrono::milliseconds shortest{10};
    static constexpr std::chrono::milliseconds longest{1000};

    /// How long to wait before the next try.
    [[nodiscard]] std::chrono::milliseconds next() {
        return std::exchange(pause_, std::min(2 * pause_, longest));
    }
    void reset() { pause_ = shortest; }

private:
    std::chrono::milliseconds pause_ = shortest;
};

} // namespace rouse::host
