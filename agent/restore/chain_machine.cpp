#include "agent/restore/chain_machine.hpp"

#include <fmt/format.h>

namespace rouse::restore {

ChainMachine::ChainMachine(std::string generation, ChainOptions options) : options_(options) {
    state_.generation = std::move(generation);
}

Actions ChainMachine::handle(const Event& event, TimePoint now) {
    now_ = now;
    std::visit([this](const auto& happened) { on(happened); }, event);
    return std::exchange(actions_, {});
}

std::string_view ChainMachine::step() const {
    switch (state_.phase) {
    case Phase::idle:
        return "boot";
    case Phase::fencing:
        return "fence";
    case Phase::rebinding:
        return "rebind";
    case Phase::opening:
        return "confirm";
    case Phase::applying:
        return "apply";
    case Phase::thawing:
        return "thaw";
    case Phase::settled:
        break;
    }
    return state_.gate_open ? "none" : "failed";
}

bool ChainMachine::running() const {
    return state_.phase != Phase::idle && state_.phase != Phase::settled;
}

/// Both directions are proven: our hello was answered, and the host reached the exec port.
bool ChainMachine::confirmed() const {
    return state_.link.state == LinkState::up && state_.link.probed && state_.link.ack.has_value();
}

void ChainMachine::shut() {
    state_.gate_open = false;
    state_.output_on = false;
    emit(action::CloseGate{});
    emit(action::DisconnectOutput{});
}

void ChainMachine::on(const event::Boot&) {
    if (state_.phase == Phase::idle) begin("boot", "boot", {});
}

void ChainMachine::on(const event::FenceDone& done) {
    if (done.epoch != state_.epoch || state_.phase != Phase::fencing) return;
    lap("fence", "ok", fmt::format("{} closed", done.closed));
    if (begin_pending()) return;
    state_.phase = Phase::rebinding;
    emit(action::Rebind{});
    arm(Deadline::rebind, options_.rebind_deadline);
}

void ChainMachine::on(const event::RebindDone& done) {
    if (done.epoch != state_.epoch || state_.rebound) return;
    if (state_.phase != Phase::rebinding) {
        // It comes after its deadline. It counts all the same: only a shut gate would be wrong.
        state_.rebound = !done.failed;
        if (state_.rebound && state_.phase == Phase::settled && !state_.apply_failed) finish();
        return;
    }
    lap("rebind", done.failed ? "failed" : "ok", done.detail);
    state_.rebound = !done.failed;
    if (begin_pending()) return;
    state_.phase = Phase::opening;
    if (!options_.confirm_first) {
        state_.output_on = true;
        emit(action::ConnectOutput{});
    }
    if (!options_.has_link) {
        state_.given_up = true;
        return advance();
    }
    arm(Deadline::confirm, options_.confirm_deadline);
    if (state_.backoff.count() == 0)
        dial();
    else
        redial_later();
}

void ChainMachine::on(const event::Applied& applied) {
    if (applied.epoch != state_.epoch || state_.phase != Phase::applying) return;
    lap(applied.steps);
    state_.apply_failed = applied.failed;
    if (applied.failed) return fail();
    state_.owed = false;
    adopt(applying_local_ ? applied.generation : applying_.generation, applying_local_);
    if (begin_pending()) return;
    // The link may have died meanwhile; then the chain waits for the next one, or for its deadline.
    state_.phase = Phase::opening;
    advance();
}

/// The document is in force: remember its generation before anybody is told that we are ready.
void ChainMachine::adopt(const std::optional<std::string>& generation, bool is_local) {
    state_.applied = true;
    state_.made_local = is_local;
    state_.named = state_.named || (!is_local && generation.has_value());
    if (state_.word == applying_) state_.word.reset();
    if (!generation || *generation == state_.generation) return;
    if (report_.kind != "boot") {
        report_.kind = "restore";
        // A generation that was made in this very epoch is nobody's parent: nothing was written.
        if (!report_.parent_generation) state_.parent = state_.generation;
        report_.parent_generation = state_.parent;
    }
    state_.generation = *generation;
    if (!is_local) state_.backoff = {}; // Whoever restores us is there.
}

/// What has still to be applied: the host's word first; the link's answer only if it is about the
/// generation that our hello named, or about none that a host has given.
const proto::RestoreDocument* ChainMachine::document_to_apply() const {
    if (state_.word) return &*state_.word;
    const LinkFacts& link = state_.link;
    const bool about_us = link.hello_generation == state_.generation || state_.made_local;
    if (!link.ack || !about_us) return nullptr;
    const std::optional<std::string>& named = link.ack->generation;
    const bool is_new = named && *named != state_.generation && *named != link.hello_generation;
    const bool first_of_boot = report_.kind == "boot" && !state_.applied;
    return is_new || (first_of_boot && *link.ack != proto::RestoreDocument()) ? &*link.ack
                                                                              : nullptr;
}

/// Whether the host's answer names another generation than the one that it gave in this very epoch:
/// the machine was restored once more, and what is open belongs to the life before.
bool ChainMachine::is_another_life() const {
    return state_.named && !state_.word && report_.kind != "boot" && document_to_apply() != nullptr;
}

/// Nobody says who we are, and we are not who we were.
bool ChainMachine::needs_local_generation() const {
    return state_.moved && state_.given_up && !state_.link.ack && !state_.host_word &&
           !state_.applied && report_.kind != "boot";
}

/// Called whenever something was learnt about the host.
void ChainMachine::advance() {
    const bool opening = state_.phase == Phase::opening && (confirmed() || state_.given_up);
    const bool late =
        state_.phase == Phase::settled && state_.outcome != Outcome::connected && confirmed();
    if (opening || late) go_on();
}

/// The host has answered, or is not waited for any longer: apply what is new, then open.
void ChainMachine::go_on() {
    record_confirm();
    if (is_another_life())
        return begin(event::HostWord{.document = *state_.link.ack, .source = "link"});
    if (const proto::RestoreDocument* document = document_to_apply())
        return apply(*document, state_.word.has_value() && state_.nameless);
    if (needs_local_generation()) return apply({}, true);
    finish();
}

void ChainMachine::apply(proto::RestoreDocument document, bool make_generation) {
    if (state_.gate_open || state_.output_on) shut();
    if (state_.outcome == Outcome::connected) {
        // The chain is at work again, and the host may go away before it has ended.
        state_.outcome = Outcome::none;
        arm(Deadline::confirm, options_.confirm_deadline);
    }
    state_.phase = Phase::applying;
    applying_ = std::move(document);
    applying_local_ = make_generation;
    emit(action::Apply{applying_, make_generation});
}

/// Nothing is left to apply. What a snapshot froze goes on in the restored VM; the VM that the
/// snapshot was taken of waits for its own word, or for the end of the lease.
void ChainMachine::finish() {
    if (!state_.prepared || report_.kind != "restore") return settle();
    state_.phase = Phase::thawing;
    emit(action::Thaw{});
}

void ChainMachine::on(const event::Thawed& thawed) {
    if (thawed.epoch != state_.epoch || state_.phase != Phase::thawing) return;
    state_.prepared = false;
    if (!thawed.steps.empty()) lap(thawed.steps);
    if (begin_pending()) return;
    state_.phase = Phase::opening; // As after a document: the link may have died meanwhile.
    advance();
}

/// The chain has done what it can for now: connected, or without the host for as long as it takes.
void ChainMachine::settle() {
    state_.phase = Phase::settled;
    ended_ = now_;
    const bool open = state_.rebound;
    // What has connected after a proof stays, even if the link has been lost since.
    const bool output = open && (confirmed() || state_.output_on || !options_.require_probe);
    if (!state_.output_on) lap("output", output ? "ok" : "skipped");
    if (confirmed()) {
        connected_ = now_;
        state_.outcome = Outcome::connected;
        store("complete");
    } else {
        state_.outcome = open ? Outcome::degraded : Outcome::failed;
        store(open ? "degraded" : "failed");
    }
    open_up(output);
    emit(action::Announce{report_});
    answer();
    // A link that is up and stays silent gets one more deadline before it is dialled anew.
    if (state_.link.state == LinkState::up && !state_.link.ack)
        arm(Deadline::confirm, options_.confirm_deadline);
}

/// Gate, CONFIRM, output, strictly in this order: the host may exec as soon as it sees the output.
void ChainMachine::open_up(bool output) {
    if (state_.rebound && !state_.gate_open) emit(action::OpenGate{});
    state_.gate_open = state_.rebound;
    if (state_.link.state == LinkState::up && state_.link.ack) emit(action::SendConfirm{report_});
    if (output && !state_.output_on) emit(action::ConnectOutput{});
    state_.output_on = output;
}

/// Fail closed: the gate stays shut and the output off until another try succeeds. Whatever comes
/// next, the document is still to be applied: this is a VM that has no random numbers of its own.
void ChainMachine::fail() {
    state_.owed = true;
    state_.nameless = applying_local_;
    state_.word = applying_;
    state_.phase = Phase::settled;
    ended_ = now_;
    state_.outcome = Outcome::failed;
    store("failed");
    emit(action::Announce{report_});
    answer();
    (void)begin_pending(); // without one there is nothing to begin
}

} // namespace rouse::restore
