#pragma once
// The life of a session as a pure state machine: events and times in, orders out.
//
//   starting ──started──▶ running ──exited──▶ exited
//      │                    │  ▲
//      └─failed─▶ failed    │  └─ controller came back
//                           │
//      controller gone ─────┴─▶ away ──grace over──▶ kill, or nobody is waited for any more
//      timeout ──▶ terminate ──kill grace──▶ kill
//
// Independent of each other: where the process is, who controls it, and what was ordered. A session
// that nobody needs (detached) is never killed for want of a controller.

#include "proto/session.hpp"

#include <chrono>
#include <optional>

namespace rouse::exec {

using SessionTime = std::chrono::steady_clock::time_point;

/// What the process gets now.
enum class Order {
    none,
    terminate, ///< SIGTERM to its process group
    kill,      ///< the end of everything in the session
};

class SessionLife {
public:
    enum class Phase { starting, running, exited, failed };

    /// `attended`: a controller is there from the start.
    SessionLife(const proto::SessionOptions& options, bool attended);

    void started(SessionTime now);
    void failed() { phase_ = Phase::failed; }
    void exited() { phase_ = Phase::exited; }
    void controller_came();
    /// The connection is gone, for whatever reason.
    void controller_gone(SessionTime now);
    /// The controller leaves on purpose.
    void controller_detached();
    /// Nobody is waited for any more: the agent ends.
    void abandon();

    /// What is due at `now`; each order is given once. Call it until it says none.
    [[nodiscard]] Order due(SessionTime now);
    /// When due() has something to say next; nothing: not before another event.
    [[nodiscard]] std::optional<SessionTime> next_due() const;
    /// A wait for `due`, which next_due() gave, began at `wait_began` and has ended at `now`. When
    /// that is so late that the clock must have jumped, what is pending gets the time anew that was
    /// left then. A deadline has one such chance; others that come later have their own.
    void waited(SessionTime due, SessionTime wait_began, SessionTime now);

    [[nodiscard]] Phase phase() const { return phase_; }
    /// The process is not there any more, or never was.
    [[nodiscard]] bool over() const { return phase_ == Phase::exited || phase_ == Phase::failed; }
    /// The process waits for its controller, who is there or may come back, rather than lose bytes.
    [[nodiscard]] bool holds() const { return attended_ || grace_end_.has_value(); }
    [[nodiscard]] bool attended() const { return attended_; }
    [[nodiscard]] bool detached() const { return detached_; }

private:
    using Deadline = std::optional<SessionTime>;

    Order order_kill();
    void postpone(SessionTime::duration by);

    proto::SessionOptions options_;
    Phase phase_ = Phase::starting;
    bool attended_;
    bool detached_;
    bool killed_ = false;
    bool kill_wanted_ = false; ///< also before there is anything to kill
    Deadline timeout_end_;
    Deadline kill_end_;
    Deadline grace_end_;
    Deadline second_; ///< one that has had its second chance
};

} // namespace rouse::exec
