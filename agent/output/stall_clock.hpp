#pragma once
// The clock of one frame on its way out: pure, told the time by its caller. Frames are begun only
// inside granted credit, so one that is unfinished after write_timeout is a stall, even if its
// bytes trickle; a receiver that grants no credit has paused, and no clock runs.
//
//     idle --begin()--> writing --late()--> stalled --late()--> the connection is given up
//       ^------------- end() ----+-------------+

#include <chrono>
#include <cstdint>
#include <optional>

namespace rouse::output {

class StallClock {
public:
    using Clock = std::chrono::steady_clock;

    struct Options {
        std::chrono::milliseconds write_timeout;
        std::chrono::milliseconds stall_redial;
        std::chrono::milliseconds late_timer; ///< a later expiry is a jump of the clock
    };

    /// What a deadline that has passed means.
    enum class Late {
        rearmed, ///< the clock jumped: wait once more
        stalled, ///< report it and go on waiting
        redial,  ///< give the connection up
    };

    explicit StallClock(Options options) : options_(options) {}

    /// A frame begins: its deadlines are absolute, however it trickles.
    void begin(Clock::time_point now);
    /// It is through, or its connection is gone. Returns for how long it had stalled: empty if not.
    std::optional<std::chrono::milliseconds> end(Clock::time_point now);

    /// When late() is to be asked; time_point::max() for never.
    [[nodiscard]] Clock::time_point deadline() const;
    /// The deadline has passed at `now` and the frame is unfinished.
    Late late(Clock::time_point now);

    /// When the frame that is stalled now began.
    [[nodiscard]] std::optional<Clock::time_point> stalled_since() const;
    [[nodiscard]] std::uint64_t stalls() const { return stalls_; }

private:
    Options options_;
    Clock::time_point began_;
    bool stalled_ = false;
    bool rearmed_ = false;
    std::uint64_t stalls_ = 0;
};

} // namespace rouse::output
