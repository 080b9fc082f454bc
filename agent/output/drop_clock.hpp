#pragma once
// When a stream with policy `drop` begins to lose bytes, and when it stops: pure, told the time by
// its caller. The window is full when nothing more of the workload can be taken; a release is the
// host's acknowledgement.
//
//              full()                     late(): nothing released for write_timeout
//     keeping ---------> full, clock runs ------------------------------------------> dropping
//       ^  ^--- room() ------+                                                            |
//       +------------ released(): half of what was held is free again --------------------+
//
// A host that was just welcomed gets the time of its own to release something, once: the next one
// gets it only if the last one has proven to release. So a host that connects and never reads does
// not hold the workload again and again.

#include <chrono>
#include <cstddef>
#include <optional>

namespace rouse::output {

/// What happens when a stream's window is full and nobody makes room.
enum class DropPolicy {
    drop,  ///< bytes are lost, and said to be lost; the workload goes on
    block, ///< the workload waits
};

class DropClock {
public:
    using Clock = std::chrono::steady_clock;

    struct Options {
        DropPolicy policy = DropPolicy::drop;
        std::chrono::milliseconds write_timeout;
        std::chrono::milliseconds late_timer; ///< a later expiry is a jump of the clock
    };

    explicit DropClock(Options options) : options_(options) {}

    /// The window is full with `held` bytes. The clock starts, unless it runs.
    void full(Clock::time_point now, std::size_t held);
    /// Something was taken, so the window is not full.
    void room() { full_since_.reset(); }
    /// The host has released something and `held` bytes are left. `may_stop`: false keeps a
    /// dropping stream dropping, however much room there is.
    void released(std::size_t held, bool may_stop);
    /// A connection was accepted.
    void welcomed();

    /// When late() is to be asked; nothing while no clock runs.
    [[nodiscard]] std::optional<Clock::time_point> deadline() const;
    /// The deadline may have passed at `now`. True when dropping begins with this call.
    bool late(Clock::time_point now);
    [[nodiscard]] bool dropping() const { return dropping_; }
    [[nodiscard]] DropPolicy policy() const { return options_.policy; }

private:
    Options options_;
    std::optional<Clock::time_point> full_since_;
    std::size_t full_with_ = 0;
    bool rearmed_ = false;
    bool dropping_ = false;
    bool trusted_ = true; ///< a host has released something since the last welcome, or none came
};

} // namespace rouse::output
