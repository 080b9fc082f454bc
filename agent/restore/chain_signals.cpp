// What the restore chain makes of its sources of triggers, of a prepared snapshot, and of its
// doubts about the link.
#include "agent/restore/chain_machine.hpp"

#include <fmt/format.h>

namespace rouse::restore {

namespace {

constexpr std::size_t kept_triggers = 32;

} // namespace

void ChainMachine::on(const event::Noticed& noticed) {
    const Signal& signal = noticed.signal;
    if (signal.source == "clock") {
        remember(signal.source, signal.value, "verifying");
        return verify_link();
    }
    const auto known = state_.heard.find(signal.source);
    const bool repeated = known != state_.heard.end() && known->second == signal.value;
    if (repeated && options_.coalesce) return remember(signal.source, signal.value, "repeated");
    state_.heard.insert_or_assign(signal.source, signal.value);
    if (signal.document) {
        return on(event::HostWord{.document = *signal.document, .source = signal.source});
    }
    if (state_.phase == Phase::idle || belongs(signal.source)) return join(signal);
    const bool waits = running() && state_.phase != Phase::opening;
    if (!waits) return begin(signal);
    remember(signal.source, signal.value, "postponed");
    // That this is another VM is not forgotten for a mere loss.
    if (!state_.pending_signal || signal.means == Means::restore) state_.pending_signal = signal;
}

/// Whether the chain that runs or has just ended is the one that the source speaks of: each speaks
/// once of a restore. A busy machine may need long for its chain, and its sources have to wait for
/// the same processors.
bool ChainMachine::belongs(const std::string& source) const {
    if (!options_.coalesce || state_.sources.contains(source)) return false;
    if (state_.sources.contains("boot")) return false; // no source speaks of a first boot
    return running() || now_ - ended_ <= options_.same_restore;
}

void ChainMachine::join(const Signal& signal) {
    remember(signal.source, signal.value, "joined");
    state_.sources.insert(signal.source);
    state_.moved = state_.moved || signal.means == Means::restore;
    const bool done = state_.phase == Phase::settled && state_.outcome == Outcome::degraded;
    if (done && needs_local_generation()) go_on();
}

/// A timer fired late. Either the clock has jumped, as it may at a restore, or this machine was
/// busy: the host on the link knows.
void ChainMachine::verify_link() {
    const bool idle = state_.phase == Phase::settled && state_.link.state == LinkState::up;
    if (!idle || !state_.link.ack || verify_timer_.number != 0) return;
    arm(Deadline::verify, options_.verify_deadline);
    emit(action::VerifyLink{state_.link.number});
}

void ChainMachine::on(const event::LinkVerified& verified) {
    if (verified.link == state_.link.number) verify_timer_ = {};
}

void ChainMachine::on(const event::PrepareChanged& changed) {
    state_.prepared = changed.prepared;
}

void ChainMachine::remember(const std::string& source, const std::string& value, std::string made) {
    const std::uint64_t epoch = state_.epoch + (made == "began" ? 1 : 0);
    triggers_.push_back({now_, source, value, epoch, std::move(made)});
    if (triggers_.size() > kept_triggers) triggers_.pop_front();
}

void ChainMachine::remember(const event::HostWord& word, std::string made) {
    remember(word.source, word.document.generation.value_or("none"), std::move(made));
}

} // namespace rouse::restore
