// How a chain of the restore begins: by whom, and what of the one before is given up.
#include "agent/restore/chain_machine.hpp"

namespace rouse::restore {

void ChainMachine::begin(std::string kind, std::string trigger, action::Fence fence) {
    if (running()) supersede();
    ++state_.epoch;
    state_.phase = Phase::fencing;
    state_.outcome = Outcome::none;
    state_.rebound = state_.given_up = state_.applied = state_.apply_failed = false;
    state_.host_word = state_.moved = state_.made_local = state_.named = false;
    state_.sources = {trigger};
    state_.link = LinkFacts{.number = state_.link.number,
                            .state = LinkState::none,
                            .nonce = {},
                            .hello_generation = {},
                            .probed = false,
                            .ack = {}};
    if (!state_.owed) {
        state_.word.reset();
        state_.nameless = false;
    }
    report_ = {};
    report_.epoch = state_.epoch;
    report_.kind = std::move(kind);
    report_.trigger = std::move(trigger);
    recorded_confirm_.clear();
    rebind_timer_ = confirm_timer_ = redial_timer_ = verify_timer_ = {};
    began_ = mark_ = now_;
    emit(action::BeginEpoch{state_.epoch});
    shut();
    emit(action::CloseLink{});
    emit(std::move(fence));
}

void ChainMachine::begin(event::HostWord word) {
    remember(word, "began");
    state_.backoff = {}; // Somebody is there: what failed before says nothing.
    begin(word.document.generation ? "restore" : "transport_loss", word.source,
          {word.connection, word.document.generation.value_or("")});
    take(std::move(word));
}

void ChainMachine::begin(Signal signal) {
    remember(signal.source, signal.value, "began");
    const bool moved = signal.means == Means::restore;
    begin("transport_loss", std::move(signal.source), {});
    state_.moved = moved;
}

/// What had to wait for the step at work begins its chain now.
bool ChainMachine::begin_pending() {
    std::optional<Signal> signal = std::exchange(state_.pending_signal, {});
    if (!state_.pending) {
        if (signal) begin(std::move(*signal));
        return signal.has_value();
    }
    event::HostWord word = std::move(*state_.pending);
    state_.pending.reset();
    const std::vector<Asker> askers = std::exchange(state_.pending_askers, {});
    begin(std::move(word));
    state_.askers = askers;
    if (signal) join(*signal);
    return true;
}

} // namespace rouse::restore
