// The restore chain's dealings with the link: dials, answers, deadlines. Longer stories are in
// chain_machine.hpp.
#include "agent/restore/chain_machine.hpp"

#include <algorithm>

namespace rouse::restore {

using namespace std::chrono_literals;

void ChainMachine::dial() {
    ++state_.link.number;
    state_.link.state = LinkState::dialling;
    emit(action::DialLink{state_.link.number});
}

void ChainMachine::redial_later() {
    state_.link.state = LinkState::none;
    state_.link.probed = false;
    state_.link.ack.reset();
    const bool tired = state_.phase == Phase::settled && now_ - began_ > options_.redial_until;
    state_.backoff = std::clamp(state_.backoff * 2, options_.redial_first, options_.redial_most);
    if (tired) return;
    state_.link.state = LinkState::waiting;
    redial_timer_ = {++timers_, now_ + state_.backoff, state_.backoff, false};
    emit(action::RedialLater{redial_timer_.number, state_.backoff});
}

void ChainMachine::arm(Deadline deadline, std::chrono::milliseconds after) {
    Timer& timer = deadline == Deadline::rebind   ? rebind_timer_
                   : deadline == Deadline::verify ? verify_timer_
                                                  : confirm_timer_;
    timer = {++timers_, now_ + after, after, false};
    emit(action::ArmDeadline{deadline, timer.number, after});
}

/// A deadline that fires late was overtaken by a jump of the clock, as happens at a restore: the
/// host has not had its time. It gets it once more.
bool ChainMachine::late_for_the_first_time(Deadline deadline, Timer& timer) {
    if (timer.extended || now_ - timer.due <= 250ms) return false;
    arm(deadline, timer.after);
    timer.extended = true;
    return true;
}

void ChainMachine::on(const event::LinkUp& up) {
    LinkFacts& link = state_.link;
    if (up.link != link.number || link.state != LinkState::dialling) return;
    link.state = LinkState::up;
    link.nonce = up.nonce;
    link.hello_generation = state_.generation;
    link.probed = false;
    link.ack.reset();
    if (state_.phase == Phase::opening) lap("link", "ok");
    emit(action::SendHello{up.nonce});
    if (state_.phase == Phase::settled) arm(Deadline::confirm, options_.confirm_deadline);
}

void ChainMachine::on(const event::LinkFailed& failed) {
    if (failed.link != state_.link.number || state_.link.state != LinkState::dialling) return;
    if (state_.phase == Phase::opening && !state_.given_up) lap("link", "failed", failed.why);
    state_.given_up = true;
    redial_later();
    if (state_.phase == Phase::opening) advance();
}

void ChainMachine::on(const event::CanaryLost& lost) {
    if (lost.link != state_.link.number || state_.link.state != LinkState::up) return;
    if (state_.outcome == Outcome::connected && now_ - connected_ >= options_.redial_most)
        state_.backoff = 0ms;
    const bool acknowledged = state_.link.ack.has_value();
    if (state_.phase == Phase::settled && acknowledged && !is_late_reset()) {
        remember("canary", lost.why, "began");
        return begin("transport_loss", "canary", {});
    }
    remember("canary", lost.why, "joined");
    state_.sources.insert("canary");
    if (state_.phase == Phase::opening) lap("link", "failed", lost.why);
    lose_link();
}

/// The reset of a restore can come after the first connections that were made since: it kills the
/// link that has just confirmed. The chain has done its work; only the link is dialled again.
bool ChainMachine::is_late_reset() const {
    return options_.coalesce && state_.phase == Phase::settled &&
           !state_.sources.contains("canary") && !state_.sources.contains("boot") &&
           now_ - ended_ <= options_.same_restore;
}

void ChainMachine::lose_link() {
    if (state_.outcome == Outcome::connected) state_.outcome = Outcome::degraded;
    verify_timer_ = {};
    redial_later();
}

/// The link is up and nobody answers on it: older VMMs forget connections without a word.
void ChainMachine::on_verify_deadline() {
    if (late_for_the_first_time(Deadline::verify, verify_timer_)) return;
    verify_timer_ = {};
    if (state_.link.state != LinkState::up) return;
    emit(action::CloseLink{});
    on(event::CanaryLost{state_.link.number, "silent"});
}

void ChainMachine::on(const event::Probed& probed) {
    LinkFacts& link = state_.link;
    if (link.state != LinkState::up || probed.nonce.empty() || probed.nonce != link.nonce) return;
    link.probed = true;
    state_.rebound = true; // It listens, whatever the rebind said.
    advance();
}

void ChainMachine::on(const event::HelloAck& ack) {
    LinkFacts& link = state_.link;
    if (ack.link != link.number || link.state != LinkState::up) return;
    if (ack.nonce != link.nonce)
        return emit(action::Note{"link: ignored a HELLO_ACK that answers another hello"});
    if (link.ack) return emit(action::Note{"link: ignored a second HELLO_ACK"});
    link.ack = ack.document;
    advance();
}

void ChainMachine::on(const event::Timeout& timeout) {
    if (timeout.deadline == Deadline::rebind && timeout.timer == rebind_timer_.number) {
        if (state_.phase == Phase::rebinding)
            on(event::RebindDone{state_.epoch, true, "no outcome within its deadline"});
    } else if (timeout.deadline == Deadline::redial && timeout.timer == redial_timer_.number) {
        if (state_.link.state == LinkState::waiting) dial();
    } else if (timeout.deadline == Deadline::confirm && timeout.timer == confirm_timer_.number) {
        on_confirm_deadline();
    } else if (timeout.deadline == Deadline::verify && timeout.timer == verify_timer_.number) {
        on_verify_deadline();
    }
}

/// Nobody has answered in time. In a running chain nothing is closed: an answer that comes later
/// still counts. Afterwards a link that is still silent is given up for another one.
void ChainMachine::on_confirm_deadline() {
    // It counts also while a document is applied: the link may die before that is done.
    if (state_.outcome == Outcome::connected ||
        late_for_the_first_time(Deadline::confirm, confirm_timer_))
        return;
    state_.given_up = true;
    if (state_.phase == Phase::opening) return advance();
    if (state_.phase != Phase::settled || state_.link.state != LinkState::up) return;
    if (state_.link.ack && recorded_confirm_ != "no probe") return go_on();
    if (state_.link.ack) return;
    emit(action::CloseLink{});
    redial_later();
}

void ChainMachine::on(const event::Wanted&) {
    const bool idle = state_.phase == Phase::settled && state_.link.state == LinkState::none;
    if (idle && options_.has_link) dial();
}

} // namespace rouse::restore
