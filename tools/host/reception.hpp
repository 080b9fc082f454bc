#pragma once
// Connections of one machine that have not proven yet who they are. Anybody in the guest can dial
// the host, so their number is bounded, and what is said about those that are refused.

#include "tools/host/frame_stream.hpp"

#include <list>

namespace rouse::host {

/// Not thread-safe. Outlives its visits.
class Reception {
public:
    /// A connection has to say hello within this time.
    static constexpr std::chrono::seconds hello_limit{5};
    /// Connections without a hello, and hellos that wait for their probe. Beyond the first number
    /// the oldest is closed, since an agent says hello at once; beyond the second a hello is
    /// refused.
    static constexpr std::size_t most_mute = 16;
    static constexpr std::size_t most_unproven = 16;

    /// One connection, from its beginning until it is proven or refused. Borrows both.
    class Visit {
    public:
        Visit(Reception& reception, FrameStream& stream);
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;
        ~Visit() { leave(); }

        /// False when too many others wait for their probe.
        bool said_hello();
        /// It is proven: it does not count any more.
        void leave();

    private:
        enum class State { mute, unproven, gone };

        Reception& reception_;
        std::list<FrameStream*>::iterator entry_;
        State state_ = State::mute;
    };

    /// How many refusals to speak of now, this one included; 0: too soon after the last time.
    std::uint64_t count_refusal(Clock::time_point now);

private:
    std::list<FrameStream*> mute_;
    std::size_t unproven_ = 0;
    std::uint64_t unsaid_ = 0;
    std::optional<Clock::time_point> said_;
};

} // namespace rouse::host
