// How a preparation is undone, and who is told.
#include "agent/restore/prepare_machine.hpp"

#include <utility>

namespace rouse::restore {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// Whoever asks for it in the name of a restore or of the end must not wait for a hook.
bool waits_for_hooks(const prepare_event::UndoAsked& asked) {
    return asked.why != Undo::restore && asked.why != Undo::shutdown;
}

boost::json::array failures(const std::vector<proto::RestoreStep>& steps) {
    boost::json::array failed;
    for (const proto::RestoreStep& step : steps)
        if (step.outcome == "failed")
            failed.push_back({{"step", step.name}, {"detail", step.detail}});
    return failed;
}

} // namespace

void PrepareMachine::on(const prepare_event::UndoAsked& asked) {
    if (state_.phase == PreparePhase::idle || !is_meant(asked.lease)) return refuse_undo(asked);
    state_.undo_tickets.push_back(asked);
    if (state_.phase == PreparePhase::prepared) return undo(asked.why, asked.only_filesystems);
    if (state_.phase == PreparePhase::preparing) {
        state_.phase = PreparePhase::cancelling;
        state_.why = asked.why;
        state_.only_filesystems = asked.only_filesystems;
        return emit(prepare_action::Cancel{});
    }
    // One is under way: it goes as far as the one that goes further, and no hook begins any more
    // once somebody may not wait for it.
    state_.only_filesystems = state_.only_filesystems && asked.only_filesystems;
    if (!waits_for_hooks(asked)) state_.why = asked.why;
    if (!state_.frozen && !state_.filesystems) answer_undo(false);
}

/// A lease that is not the present one is not answered by undoing what somebody else relies on.
bool PrepareMachine::is_meant(const std::string& lease) const {
    return lease.empty() || lease == state_.lease;
}

void PrepareMachine::refuse_undo(const prepare_event::UndoAsked& asked) {
    const bool idle = state_.phase == PreparePhase::idle;
    const bool ran_out =
        asked.lease.empty() ? idle && state_.expired : asked.lease == state_.expired_lease;
    if (ran_out && idle && !asked.only_filesystems) state_.expired = false; // Now it is known.
    emit(prepare_action::AnswerUndo{asked.ticket, {ran_out ? "expired" : "not_prepared", {}}});
}

void PrepareMachine::on(const prepare_event::LeaseDue& due) {
    constexpr milliseconds late(250);
    if (due.timer != timers_ || !lease_armed_) return;
    if (state_.lease_held || state_.phase != PreparePhase::prepared) {
        state_.lease_was_due = true;
        return;
    }
    // An expiry that comes this late says that the clock jumped: the VM was restored, and the chain
    // will say what is to be thawed. Once.
    if (now_ > lease_due_ + late && !lease_extended_) {
        arm_lease(lease_length_);
        lease_extended_ = true;
        return;
    }
    undo(Undo::lease, false);
}

void PrepareMachine::on(const prepare_event::LeaseHeld& held) {
    state_.lease_held = held.held;
    if (held.held || !state_.lease_was_due) return;
    if (state_.phase == PreparePhase::prepared) undo(Undo::lease, false);
}

void PrepareMachine::undo(Undo why, bool only_filesystems) {
    state_.phase = PreparePhase::undoing;
    state_.why = why;
    state_.only_filesystems = only_filesystems;
    undo_steps_.clear();
    if (!only_filesystems) {
        lease_armed_ = false;
        state_.lease_was_due = false;
        ++timers_; // What the lease says from now on is about nothing.
        emit(prepare_action::DisarmLease{});
        emit(prepare_action::Unmark{});
    }
    undo_next();
}

void PrepareMachine::undo_next() {
    if (state_.filesystems) return start(PrepareStep::thaw_filesystems, options_.undo);
    if (state_.only_filesystems) return undone();
    if (state_.frozen) return start(PrepareStep::thaw, options_.undo);
    answer_failed();
    answer_undo(false);
    const bool hook = state_.why != Undo::restore && state_.why != Undo::shutdown;
    if (state_.hooked && hook && options_.has_resume_hook)
        return start(PrepareStep::resume_hook, options_.hook_timeout);
    state_.hooked = false;
    undone();
}

void PrepareMachine::undone() {
    answer_failed();
    if (state_.only_filesystems) {
        // The chain that wants this thaws the rest later; if it never does, the lease will.
        state_.phase = PreparePhase::prepared;
        if (!lease_armed_) arm_lease(request_.lease);
        answer_undo(true);
        if (state_.lease_was_due && !state_.lease_held) undo(Undo::lease, false);
        return;
    }
    state_.phase = PreparePhase::idle;
    state_.expired = state_.why == Undo::lease && state_.undo_tickets.empty();
    if (state_.why == Undo::lease) {
        state_.expired_lease = state_.lease;
        record("lease_expired", {{"lease_ms", lease_length_.count()}});
    } else if (state_.why != Undo::failed) {
        record("resumed", {{"why", name(state_.why)}, {"failed", failures(undo_steps_)}});
    }
    answer_undo(true);
    for (const prepare_event::Asked& asked : std::exchange(state_.waiting, {}))
        on(asked);
}

/// A preparation that did not come to its end is answered once its payload runs again.
void PrepareMachine::answer_failed() {
    if (state_.tickets.empty()) return;
    report_.state = "failed";
    report_.frozen = state_.frozen;
    report_.total_us =
        static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now_ - began_).count());
    record("prepare_failed", {{"why", name(state_.why)}, {"failed", failures(report_.steps)}});
    for (const std::uint64_t ticket : std::exchange(state_.tickets, {}))
        answer(ticket);
}

/// Answers who need not wait for hooks, or everybody.
void PrepareMachine::answer_undo(bool with_hooks_too) {
    PrepareState::UndoAll left;
    for (prepare_event::UndoAsked& asked : std::exchange(state_.undo_tickets, {})) {
        if (!with_hooks_too && waits_for_hooks(asked)) {
            left.push_back(std::move(asked));
            continue;
        }
        const bool ran_out = state_.why == Undo::lease;
        emit(prepare_action::AnswerUndo{asked.ticket,
                                        {ran_out ? "expired" : "resumed", undo_steps_}});
    }
    state_.undo_tickets = std::move(left);
}

} // namespace rouse::restore
