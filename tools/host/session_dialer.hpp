#pragma once
// Connections to sessions of a guest: the upgrade of a request to frames, tried again where that
// is safe and can help.

#include "tools/host/back_off.hpp"
#include "tools/host/frame_stream.hpp"
#include "tools/host/http_client.hpp"

#include <memory>

namespace rouse::host {

/// A request that was refused for now: a restore goes on. How long to wait before the next one;
/// nothing when it will not be answered otherwise.
std::optional<std::chrono::milliseconds> retry_pause(const HttpAnswer& refusal);

/// Not thread-safe. Borrows the dialer.
class SessionDialer {
public:
    /// Whether a guest that cannot be reached at all is worth another try: it once was there.
    enum class Unreachable { fails, is_tried_again };

    explicit SessionDialer(Dialer& dialer) : dialer_(dialer) {}

    /// Asks until there is a stream of frames or the deadline. `attempt_limit` bounds one try, and
    /// 2 s the first one: the question has to be one that may come twice.
    /// Fails at once when the guest refuses for good.
    Awaitable<Outcome<std::unique_ptr<FrameStream>>> reach(HttpQuestion question,
                                                           Clock::time_point deadline,
                                                           std::chrono::milliseconds attempt_limit,
                                                           Unreachable unreachable);
    /// Waits before the connection is made anew, longer each time in a row. False: the deadline
    /// comes first.
    Awaitable<bool> pause(Clock::time_point deadline);
    /// A connection was of use.
    void succeeded() { back_off_.reset(); }

    /// Waits this long. False: the deadline comes first.
    [[nodiscard]] Awaitable<bool> wait(std::chrono::milliseconds time,
                                       Clock::time_point deadline) const;

private:
    Dialer& dialer_;
    BackOff back_off_;
};

/// Sends a request that is safe to repeat until it is answered: over again when the connection
/// breaks or a restore goes on, for at most `patience` each time. Fails like http_ask().
Awaitable<Outcome<HttpAnswer>> http_ask_again(Dialer& dialer, HttpQuestion question,
                                              std::chrono::milliseconds patience);

} // namespace rouse::host
