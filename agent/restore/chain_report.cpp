// The report that the restore chain writes while it runs. Durations of the steps add up to the
// total: each step lasts from the end of the one before.
#include "agent/restore/chain_machine.hpp"

#include <algorithm>

namespace rouse::restore {

namespace {

constexpr std::size_t kept_reports = 16;

std::uint64_t microseconds(TimePoint::duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

} // namespace

void ChainMachine::lap(std::string name, std::string outcome, std::string detail) {
    proto::RestoreStep step;
    step.name = std::move(name);
    step.outcome = std::move(outcome);
    step.detail = std::move(detail);
    lap({std::move(step)});
}

/// Steps that were measured on their own; what lies between them goes to the last.
void ChainMachine::lap(std::vector<proto::RestoreStep> steps) {
    const std::uint64_t passed = microseconds(now_ - mark_);
    mark_ = now_;
    report_.total_us += passed;
    std::uint64_t left = passed;
    for (proto::RestoreStep& step : steps) {
        step.duration_us = &step == &steps.back() ? left : std::min(step.duration_us, left);
        left -= step.duration_us;
        report_.steps.push_back(std::move(step));
    }
}

/// One "confirm" step for each thing that became known: first perhaps "unproven", later "ok".
void ChainMachine::record_confirm() {
    const std::string known = confirmed() ? "ok" : state_.link.ack ? "no probe" : "no answer";
    if (recorded_confirm_ == known) return;
    recorded_confirm_ = known;
    if (confirmed())
        lap("confirm", "ok");
    else
        lap("confirm", "unproven", known);
}

void ChainMachine::store(std::string state) {
    report_.state = std::move(state);
    // A proof of this epoch stays one, even if the link that asked for it has died since.
    if (state_.link.probed) report_.exec = "proven";
    if (report_.exec != "proven") report_.exec = state_.host_word ? "local" : "unproven";
    report_.generation = state_.generation;
    // A failed chain is about the generation that it did not reach.
    if (state_.apply_failed && applying_.generation) report_.generation = *applying_.generation;
    if (!reports_.empty() && reports_.back().epoch == report_.epoch)
        reports_.back() = report_;
    else
        reports_.push_back(report_);
    if (reports_.size() > kept_reports) reports_.pop_front();
}

/// Who names the generation that an earlier chain brought, while connections were lost once more,
/// has waited for this chain and learns what that one did.
void ChainMachine::answer() {
    const bool lost = report_.kind == "transport_loss" && report_.state != "failed";
    const proto::RestoreReport* const brought = lost ? report_about(report_.generation) : nullptr;
    for (const Asker& asker : std::exchange(state_.askers, {}))
        emit(action::AnswerHostWord{asker.ticket, asker.named && brought ? *brought : report_});
}

/// The last finished report about the generation, unless that chain failed: then it may be retried.
/// A loss of connections since then bears the generation, too, and did not bring it.
const proto::RestoreReport* ChainMachine::report_about(const std::string& generation) const {
    const auto is_about = [&generation](const proto::RestoreReport& report) {
        return report.generation == generation;
    };
    const auto brought_it = [&is_about](const proto::RestoreReport& report) {
        return report.kind == "restore" && is_about(report);
    };
    auto found = std::find_if(reports_.rbegin(), reports_.rend(), brought_it);
    if (found == reports_.rend())
        found = std::find_if(reports_.rbegin(), reports_.rend(), is_about);
    return found == reports_.rend() || found->state == "failed" ? nullptr : &*found;
}

/// A chain that another one replaces before its end says so.
void ChainMachine::supersede() {
    lap("superseded", "failed", "another generation arrived");
    if (state_.word && state_.word->generation) applying_.generation = state_.word->generation;
    state_.apply_failed = state_.word.has_value();
    store("failed");
    emit(action::Announce{report_});
    answer();
}

} // namespace rouse::restore
