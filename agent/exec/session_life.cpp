#include "agent/exec/session_life.hpp"

#include "agent/sys/late.hpp"

#include <algorithm>
#include <initializer_list>

namespace rouse::exec {

SessionLife::SessionLife(const proto::SessionOptions& options, bool attended)
    : options_(options), attended_(attended), detached_(options.detach) {}

void SessionLife::started(SessionTime now) {
    phase_ = Phase::running;
    if (options_.timeout.count() > 0) timeout_end_ = now + options_.timeout;
}

void SessionLife::controller_came() {
    attended_ = true;
    grace_end_.reset();
}

void SessionLife::controller_gone(SessionTime now) {
    if (!attended_) return;
    attended_ = false;
    grace_end_ = now + options_.reattach_grace;
    second_.reset(); // This grace has a chance of its own.
}

void SessionLife::controller_detached() {
    attended_ = false;
    detached_ = true;
    grace_end_.reset();
}

void SessionLife::abandon() {
    if (!attended_) grace_end_.reset();
}

Order SessionLife::due(SessionTime now) {
    const auto has_passed = [now](Deadline& end) {
        if (!end || *end > now) return false;
        end.reset();
        return true;
    };
    if (has_passed(grace_end_) && !detached_) {
        // Once nobody came back in time, the session is on its own.
        detached_ = true;
        kill_wanted_ = options_.on_disconnect == proto::OnDisconnect::kill;
    }
    if (has_passed(kill_end_)) kill_wanted_ = true;
    if (kill_wanted_) return order_kill();
    if (!has_passed(timeout_end_) || over()) return Order::none;
    kill_end_ = now + options_.kill_grace;
    return Order::terminate;
}

Order SessionLife::order_kill() {
    // One that is just starting is killed as soon as it is there.
    if (phase_ != Phase::running || killed_) return Order::none;
    killed_ = true;
    timeout_end_.reset();
    kill_end_.reset();
    return Order::kill;
}

std::optional<SessionTime> SessionLife::next_due() const {
    if (kill_wanted_ && !killed_ && phase_ == Phase::running) return SessionTime::min();
    Deadline next = grace_end_;
    if (over()) return next;
    for (const Deadline& end : {timeout_end_, kill_end_})
        if (end && (!next || *end < *next)) next = end;
    return next;
}

void SessionLife::waited(SessionTime due, SessionTime wait_began, SessionTime now) {
    if (!sys::is_jump(due, now) || second_ == due) return;
    second_ = due + (now - wait_began);
    postpone(now - wait_began);
}

void SessionLife::postpone(SessionTime::duration by) {
    for (Deadline* const end : {&timeout_end_, &kill_end_, &grace_end_})
        if (*end) **end += by;
}

} // namespace rouse::exec
