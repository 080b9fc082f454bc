// A point in time by which something has to be done.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>

namespace rouse::lab {

/// A deadline on the steady clock. A value.
class Deadline {
public:
    /// A deadline `from_now` in the future.
    explicit Deadline(std::chrono::milliseconds from_now)
        : at_(std::chrono::steady_clock::now() + from_now) {}

    [[nodiscard]] bool expired() const { return std::chrono::steady_clock::now() >= at_; }

    [[nodiscard]] std::chrono::steady_clock::time_point at() const { return at_; }

    /// What is left, never negative.
    [[nodiscard]] std::chrono::milliseconds left() const {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
        return std::max(left, std::chrono::milliseconds(0));
    }

    /// What is left as an argument of poll(2), at most `limit`.
    [[nodiscard]] int poll_timeout(std::chrono::milliseconds limit = std::chrono::hours(1)) const {
        return static_cast<int>(std::min<long long>(std::min(left(), limit).count(), INT_MAX));
    }

private:
    std::chrono::steady_clock::time_point at_;
};

/// Waits a little before something outside is tried once more; at most until `deadline`.
void wait_to_retry(Deadline deadline);

} // namespace rouse::lab
