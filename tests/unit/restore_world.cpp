#include "tests/unit/restore_world.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rouse::test {

using namespace restore;

RestoreWorld::RestoreWorld(ChainOptions options)
    : options_(options), machine_(local_generation, options) {}

/// What our hands were asked for is done.
void RestoreWorld::note_what_is_done(const Event& event) {
    if (std::holds_alternative<event::FenceDone>(event)) fencing_ = false;
    if (std::holds_alternative<event::RebindDone>(event)) rebinding_ = false;
    if (const auto* applied = std::get_if<event::Applied>(&event)) {
        applying_ = false;
        owed_ = applied->failed;
    }
    if (std::holds_alternative<event::Thawed>(event)) thawing_ = prepared_ = false;
    if (std::holds_alternative<event::LinkFailed>(event)) dialling_ = 0;
    if (std::holds_alternative<event::LinkVerified>(event)) verifying_ = 0;
}

void RestoreWorld::note_what_happens(const Choice& choice) {
    const Event& event = choice.event;
    note_what_is_done(event);
    if (const auto* up = std::get_if<event::LinkUp>(&event)) {
        up_ = std::exchange(dialling_, 0);
        nonce_ = up->nonce;
        probed_ = acked_ = confirm_sent_ = dead_link_ = false;
    }
    if (std::holds_alternative<event::CanaryLost>(event)) {
        up_ = verifying_ = 0;
        losses_ += dead_link_ ? 0 : 1;
        dead_link_ = false;
        ++triggers_;
    }
    if (const auto* probe = std::get_if<event::Probed>(&event))
        probed_ = probed_ || (up_ != 0 && probe->nonce == nonce_);
    proven_ = proven_ || probed_;
    if (const auto* ack = std::get_if<event::HelloAck>(&event))
        acked_ = acked_ || ack->nonce == nonce_;
    if (std::holds_alternative<event::Boot>(event)) ++triggers_;
    if (const auto* word = std::get_if<event::HostWord>(&event)) {
        tickets_.emplace(next_ticket_++, word->document.generation.value_or("-"));
        ++words_;
        ++triggers_;
    }
    if (std::holds_alternative<event::Noticed>(event)) {
        ++signals_;
        ++triggers_;
    }
    if (const auto* prepare = std::get_if<event::PrepareChanged>(&event)) {
        prepared_ = prepare->prepared;
        snapshots_ += prepared_ ? 1 : 0;
    }
    if (choice.name == "snapshot") {
        ++snapshots_;
        dead_link_ = up_ != 0;
    }
}

void RestoreWorld::happen(const Choice& choice) {
    history_ += (history_.empty() ? "" : ", ") + choice.name;
    note_what_happens(choice);
    if (choice.name == "rebind deadline") overdue_ = rebinding_;
    if (choice.name == "verify deadline") ++triggers_;
    if (const auto* timeout = std::get_if<event::Timeout>(&choice.event))
        (timeout->deadline == Deadline::rebind    ? rebind_timer_
         : timeout->deadline == Deadline::confirm ? confirm_timer_
         : timeout->deadline == Deadline::verify  ? verify_timer_
                                                  : redial_timer_) = 0;
    for (const Action& action : machine_.handle(choice.event, now_))
        std::visit([this](const auto& wanted) { did(wanted); }, action);
    check_after();
}

void RestoreWorld::require(bool holds, const char* promise) {
    if (!holds && broken_.empty()) broken_ = promise;
}

void RestoreWorld::did(const action::BeginEpoch& begun) {
    require(begun.epoch == machine_.state().epoch, "an epoch is one more than the last");
    require((!rebinding_ || overdue_) && !applying_ && !thawing_,
            "a new chain waits for the step at work");
    rebound_ = false;
    began_ = now_;
    fencing_ = rebinding_ = applying_ = thawing_ = overdue_ = proven_ = false;
    rebind_timer_ = confirm_timer_ = redial_timer_ = verify_timer_ = verifying_ = 0;
    gate_ = output_ = true; // whatever they were: the chain must shut both before it fences
}

void RestoreWorld::did(const action::Rebind&) {
    require(!gate_ && !output_, "gate and output are shut before the rebind");
    require(!rebound_, "a chain rebinds once");
    rebinding_ = rebound_ = true;
    ++rebinds_;
}

void RestoreWorld::did(const action::DialLink& dial) {
    require(rebound_, "the link is dialled after the rebind");
    require(dialling_ == 0 && up_ == 0, "one link at a time");
    dialling_ = dial.link;
}

void RestoreWorld::did(const action::SendHello& hello) {
    require(up_ != 0 && hello.nonce == nonce_, "a hello goes over the link that is up");
}

void RestoreWorld::did(const action::Apply& apply) {
    require(!gate_ && !output_, "gate and output are shut while a document is applied");
    require(!applying_, "one document at a time");
    applying_ = true;
    making_ = apply.make_generation;
    ++applications_;
    if (apply.document.generation) applied_.insert(*apply.document.generation);
}

void RestoreWorld::did(const action::OpenGate&) {
    require(rebound_ && (!rebinding_ || proven_),
            "the gate is never open between trigger and rebind");
    require(!applying_ && !owed_, "the gate opens after the document was applied");
    gate_ = true;
}

void RestoreWorld::did(const action::Thaw&) {
    require(!gate_ && !output_, "gate and output are shut while the payload is frozen");
    require(!applying_ && rebound_, "the payload goes on after the document was applied");
    thawing_ = true;
}

void RestoreWorld::did(const action::SendConfirm&) {
    require(up_ != 0 && acked_, "CONFIRM answers HELLO_ACK");
    require(!applying_, "CONFIRM comes after the document was applied");
    confirm_sent_ = true;
}

void RestoreWorld::did(const action::ConnectOutput&) {
    require(!options_.require_probe || (up_ != 0 && probed_ && confirm_sent_),
            "output connects only after confirm");
    require(gate_, "output connects when execs are answered");
    ++output_connects_;
    output_ = true;
}

void RestoreWorld::did(const action::Announce& announce) {
    std::uint64_t sum = 0;
    for (const proto::RestoreStep& step : announce.report.steps)
        sum += step.duration_us;
    require(sum == announce.report.total_us, "the steps add up to the total");
    const bool frozen = prepared_ && announce.report.kind == "restore";
    require(!frozen || announce.report.state == "failed",
            "a restored payload goes on, unless the chain has failed");
}

void RestoreWorld::did(const action::AnswerHostWord& answer) {
    const auto ticket = tickets_.extract(answer.ticket);
    require(!ticket.empty(), "a host word is answered once");
    const bool lost = answer.report.kind == "transport_loss" && answer.report.state != "failed";
    require(!lost || answer.report.generation != ticket.mapped(),
            "who names a generation is told of the chain that brought it");
    require(answer.report.state != "running", "a host word is answered with what became of it");
    answered_ = answer.report.kind;
}

void RestoreWorld::did(const action::ArmDeadline& deadline) {
    (deadline.deadline == Deadline::rebind   ? rebind_timer_
     : deadline.deadline == Deadline::verify ? verify_timer_
                                             : confirm_timer_) = deadline.timer;
}

void RestoreWorld::did(const action::RedialLater& redial) {
    redial_timer_ = redial.timer;
}

void RestoreWorld::check_after() {
    const ChainState& state = machine_.state();
    require(gate_ == state.gate_open && output_ == state.output_on, "the state says what is");
    require(rebinds_ <= triggers_, "one rebind per trigger");
    require(!output_ || gate_, "no output while the gate is shut");
    if (state.phase != Phase::settled) return;
    require(tickets_.empty(), "a chain that ended has answered every host word");
    require(state.outcome != Outcome::none, "a chain ends connected, degraded or failed");
    require(gate_ == (state.outcome != Outcome::failed), "failed is closed");
    require(state.outcome != Outcome::connected || output_, "connected has its output");
    const bool tired = now_ - began_ > options_.redial_until;
    require(tired || !options_.has_link || state.outcome == Outcome::connected || dialling_ != 0 ||
                up_ != 0 || redial_timer_ != 0,
            "a chain without the host goes on trying");
}

void RestoreWorld::settle() {
    for (int steps = 0; steps < 16 && broken_.empty(); ++steps) {
        if (machine_.state().phase == Phase::settled) return;
        std::vector<Choice> can = choices();
        const auto is_progress = [](const Choice& choice) {
            return choice.name == "boot" || choice.name == "fenced" || choice.name == "rebound" ||
                   choice.name == "applied" || choice.name == "thawed" ||
                   choice.name == "confirm deadline";
        };
        const auto next = std::find_if(can.begin(), can.end(), is_progress);
        if (next == can.end()) break;
        happen(Choice(*next));
    }
    require(machine_.state().phase == Phase::settled, "every run ends without help of the host");
}

std::string RestoreWorld::key() const {
    const ChainState& state = machine_.state();
    std::string asked;
    for (const auto& [ticket, generation] : tickets_)
        asked += generation;
    std::string reports;
    for (const proto::RestoreReport& report : machine_.reports())
        reports += fmt::format("{}{}", report.generation.substr(0, 7), report.state.substr(0, 1));
    return fmt::format(
        "{}{}{} {}{}{}{}{} {}{} {}{}{}{}{}{} {}{} {} {} {} {}/{} {}{}{} {} {} {} {} {} {}",
        static_cast<int>(state.phase), static_cast<int>(state.outcome), state.generation,
        state.rebound, state.given_up, state.applied, state.apply_failed, state.host_word,
        static_cast<int>(state.link.state), state.link.hello_generation, fencing_, rebinding_,
        overdue_, proven_, applying_, probed_, acked_, confirm_sent_,
        state.link.ack ? state.link.ack->generation.value_or("-") : "none",
        state.word ? state.word->generation.value_or("-") : "none",
        state.pending ? state.pending->document.generation.value_or("-") : "none", words_, losses_,
        rebind_timer_ != 0, confirm_timer_ != 0, redial_timer_ != 0, state.backoff.count(),
        state.askers.size(), asked, triggers_ - rebinds_, reports, trigger_key());
}

/// The part of the key that is about sources, doubts and snapshots.
std::string RestoreWorld::trigger_key() const {
    const ChainState& state = machine_.state();
    return fmt::format("{}{}{}{}{}{} {}{}{}{} {}{} {} {}|{}|{}", state.moved, state.owed,
                       state.made_local, state.nameless, state.named, state.prepared, making_,
                       thawing_, prepared_, dead_link_, signals_, snapshots_, verify_timer_ != 0,
                       state.pending_signal ? state.pending_signal->source : "-",
                       fmt::join(state.sources, ","), fmt::join(state.heard, ","));
}

} // namespace rouse::test
