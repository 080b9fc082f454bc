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

void ChainMachine::begin(std::string kind, std::string trigger, std::uint64_t keep) {
    if (running()) supersede();
    ++state_.epoch;
    state_.phase = Phase::fencing;
    state_.outcome = Outcome::none;
    state_.rebound = state_.given_up = state_.applied = state_.apply_failed = false;
    state_.host_word = false;
    state_.link = LinkFacts{.number = state_.link.number,
                            .state = LinkState::none,
                            .nonce = {},
                            .hello_generation = {},
                            .probed = false,
                            .ack = {}};
    state_.word.reset();
    report_ = {};
    report_.epoch = state_.epoch;
    report_.kind = std::move(kind);
    report_.trigger = std::move(trigger);
    recorded_confirm_.clear();
    rebind_timer_ = confirm_timer_ = redial_timer_ = {};
    began_ = mark_ = now_;
    emit(action::BeginEpoch{state_.epoch});
    shut();
    emit(action::CloseLink{});
    emit(action::Fence{keep});
}

void ChainMachine::begin(event::HostWord word) {
    state_.backoff = {}; // Somebody is there: what failed before says nothing.
    begin(word.document.generation ? "restore" : "transport_loss", "host", word.connection);
    state_.host_word = true;
    state_.tickets.push_back(word.ticket);
    state_.word = std::move(word.document);
}

/// A host word that had to wait for the step at work begins its chain now.
bool ChainMachine::begin_pending() {
    if (!state_.pending) return false;
    event::HostWord word = std::move(*state_.pending);
    state_.pending.reset();
    const std::vector<std::uint64_t> tickets = std::exchange(state_.pending_tickets, {});
    begin(std::move(word));
    state_.tickets = tickets;
    return true;
}

void ChainMachine::on(const event::Boot&) {
    if (state_.phase == Phase::idle) begin("boot", "boot", 0);
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
    adopt(applying_);
    if (begin_pending()) return;
    // The link may have died meanwhile; then the chain waits for the next one, or for its deadline.
    state_.phase = Phase::opening;
    advance();
}

/// The document is in force: remember its generation before anybody is told that we are ready.
void ChainMachine::adopt(const proto::RestoreDocument& document) {
    state_.applied = true;
    if (state_.word == document) state_.word.reset();
    if (!document.generation || *document.generation == state_.generation) return;
    if (report_.kind != "boot") {
        report_.kind = "restore";
        state_.parent = state_.generation;
        report_.parent_generation = state_.parent;
    }
    state_.generation = *document.generation;
}

/// What has still to be applied: the host's word first; the link's answer only if it is about the
/// generation that our hello named.
const proto::RestoreDocument* ChainMachine::document_to_apply() const {
    if (state_.word) return &*state_.word;
    if (!state_.link.ack || state_.link.hello_generation != state_.generation) return nullptr;
    const proto::RestoreDocument& ack = *state_.link.ack;
    const bool is_new = ack.generation && *ack.generation != state_.generation;
    const bool first_of_boot = report_.kind == "boot" && !state_.applied;
    return is_new || (first_of_boot && ack != proto::RestoreDocument()) ? &ack : nullptr;
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
    const proto::RestoreDocument* document = document_to_apply();
    if (document == nullptr) return finish();
    if (state_.gate_open || state_.output_on) shut();
    state_.phase = Phase::applying;
    applying_ = *document;
    emit(action::Apply{applying_});
}

/// The chain has done what it can for now: connected, or without the host for as long as it takes.
void ChainMachine::finish() {
    state_.phase = Phase::settled;
    const bool open = state_.rebound;
    const bool output = open && (confirmed() || !options_.require_probe);
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

/// Fail closed: the gate stays shut and the output off until another try succeeds.
void ChainMachine::fail() {
    state_.phase = Phase::settled;
    state_.outcome = Outcome::failed;
    store("failed");
    emit(action::Announce{report_});
    answer();
    (void)begin_pending(); // without one there is nothing to begin
}

} // namespace rouse::restore
