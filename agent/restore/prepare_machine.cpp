#include "agent/restore/prepare_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rouse::restore {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr std::array order = {PrepareStep::spawns,
                              PrepareStep::hook,
                              PrepareStep::freeze,
                              PrepareStep::flush,
                              PrepareStep::connections,
                              PrepareStep::sync,
                              PrepareStep::freeze_filesystems,
                              PrepareStep::console};

/// Whether a preparation is none without it. Output that is not flushed is kept, and a console that
/// is not drained loses a line at worst.
bool must_succeed(PrepareStep step) {
    return step == PrepareStep::hook || step == PrepareStep::freeze || step == PrepareStep::sync ||
           step == PrepareStep::freeze_filesystems;
}

} // namespace

std::string_view name(PrepareStep step) {
    constexpr std::array<std::string_view, 11> names = {
        "spawns",      "hook prepare", "freeze",           "flush", "connections", "sync",
        "filesystems", "console",      "thaw filesystems", "thaw",  "hook resume"};
    return names.at(static_cast<std::size_t>(step));
}

std::string_view name(Undo why) {
    constexpr std::array<std::string_view, 5> names = {"resume", "lease", "failed", "restore",
                                                       "shutdown"};
    return names.at(static_cast<std::size_t>(why));
}

PrepareMachine::PrepareMachine(PrepareOptions options) : options_(options) {}

PrepareActions PrepareMachine::handle(const PrepareEvent& event, Clock::time_point now) {
    now_ = now;
    actions_.clear();
    std::visit([this](const auto& happened) { on(happened); }, event);
    return std::move(actions_);
}

std::string_view PrepareMachine::state_name() const {
    switch (state_.phase) {
    case PreparePhase::idle:
        return state_.expired ? "expired" : "none";
    case PreparePhase::preparing:
    case PreparePhase::cancelling:
        return "preparing";
    case PreparePhase::prepared:
        return "prepared";
    case PreparePhase::undoing:
        return "resuming";
    }
    return "none";
}

std::optional<PrepareMachine::Clock::time_point> PrepareMachine::lease_due() const {
    if (state_.phase != PreparePhase::prepared) return std::nullopt;
    return lease_due_;
}

void PrepareMachine::on(const prepare_event::Asked& asked) {
    switch (state_.phase) {
    case PreparePhase::idle:
        return begin(asked);
    case PreparePhase::preparing:
        return state_.tickets.push_back(asked.ticket);
    case PreparePhase::prepared:
        // A restore chain is half-way through undoing it.
        if (state_.only_filesystems) return state_.waiting.push_back(asked);
        arm_lease(asked.request.lease);
        report_.lease_ms = static_cast<std::uint64_t>(asked.request.lease.count());
        emit(prepare_action::Mark{});
        return answer(asked.ticket);
    case PreparePhase::cancelling:
    case PreparePhase::undoing:
        return state_.waiting.push_back(asked);
    }
}

void PrepareMachine::begin(const prepare_event::Asked& asked) {
    request_ = asked.request;
    report_ = {};
    undo_steps_.clear();
    state_.phase = PreparePhase::preparing;
    state_.lease = asked.lease;
    state_.expired = false;
    state_.only_filesystems = false;
    state_.tickets = {asked.ticket};
    next_ = 0;
    lease_armed_ = false;
    began_ = now_;
    stop_at_ = now_ + request_.deadline - std::min(options_.reserve, request_.deadline / 5);
    go_on();
}

/// Begins the next step that there is something to do for.
void PrepareMachine::go_on() {
    while (next_ < order.size()) {
        const PrepareStep step = order.at(next_++);
        const std::optional<std::string> why = why_not(step);
        if (!why) return do_step(step);
        note(step, "skipped", *why, microseconds(0));
    }
    prepared();
}

std::optional<std::string> PrepareMachine::why_not(PrepareStep step) const {
    const std::string not_asked = "not asked for";
    if (step == PrepareStep::hook && !options_.has_prepare_hook) return "none is configured";
    if (step == PrepareStep::freeze && !request_.freeze) return not_asked;
    if (step == PrepareStep::sync && !request_.sync) return not_asked;
    if (step == PrepareStep::freeze_filesystems && request_.freeze_filesystems.empty())
        return not_asked;
    return std::nullopt;
}

void PrepareMachine::do_step(PrepareStep step) {
    if (now_ >= stop_at_) {
        note(step, "failed", "no time was left for it", microseconds(0));
        return undo(Undo::failed, false);
    }
    note_effect(step);
    start(step, budget_of(step));
}

milliseconds PrepareMachine::budget_of(PrepareStep step) const {
    const auto left = std::max(std::chrono::ceil<milliseconds>(stop_at_ - now_), milliseconds(1));
    switch (step) {
    case PrepareStep::spawns:
        return std::min(left, options_.spawns);
    case PrepareStep::hook:
        return std::min(left, options_.hook_timeout);
    case PrepareStep::freeze:
        return std::min(left, options_.freeze);
    case PrepareStep::flush: // What comes behind it needs time as well.
        return std::min(left / 2, request_.flush);
    case PrepareStep::console:
        return std::min(left, options_.console);
    default:
        return left;
    }
}

void PrepareMachine::note_effect(PrepareStep step) {
    if (step == PrepareStep::hook) state_.hooked = true;
    if (step == PrepareStep::freeze) state_.frozen = true;
    if (step == PrepareStep::freeze_filesystems) state_.filesystems = true;
}

void PrepareMachine::on(const prepare_event::StepDone& done) {
    if (!state_.at_work || done.run != state_.run) return;
    const PrepareStep step = *state_.at_work;
    state_.at_work.reset();
    const bool given_up = state_.phase == PreparePhase::cancelling && done.outcome == "failed";
    note(step, done.outcome, given_up ? fmt::format("given up: {}", name(state_.why)) : done.detail,
         std::chrono::duration_cast<microseconds>(now_ - step_at_));
    if (step == PrepareStep::flush) report_.unflushed_bytes = done.unflushed_bytes;
    if (state_.phase == PreparePhase::undoing) {
        if (step == PrepareStep::thaw_filesystems) state_.filesystems = false;
        if (step == PrepareStep::thaw) state_.frozen = false;
        if (step == PrepareStep::resume_hook) state_.hooked = false;
        return undo_next();
    }
    if (state_.phase == PreparePhase::cancelling) return undo(state_.why, state_.only_filesystems);
    if (done.outcome == "failed" && must_succeed(step)) return undo(Undo::failed, false);
    go_on();
}

void PrepareMachine::prepared() {
    state_.phase = PreparePhase::prepared;
    report_.state = "prepared";
    report_.lease = state_.lease;
    report_.lease_ms = static_cast<std::uint64_t>(request_.lease.count());
    report_.frozen = state_.frozen;
    report_.total_us =
        static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now_ - began_).count());
    arm_lease(request_.lease);
    emit(prepare_action::Mark{});
    record("prepared", {{"lease_ms", report_.lease_ms},
                        {"frozen", report_.frozen},
                        {"unflushed_bytes", report_.unflushed_bytes},
                        {"total_us", report_.total_us}});
    for (const std::uint64_t ticket : std::exchange(state_.tickets, {}))
        answer(ticket);
}

void PrepareMachine::arm_lease(milliseconds after) {
    lease_length_ = after;
    lease_due_ = now_ + after;
    lease_armed_ = true;
    lease_extended_ = false;
    state_.lease_was_due = false;
    emit(prepare_action::ArmLease{++timers_, after});
}

void PrepareMachine::start(PrepareStep step, milliseconds budget) {
    state_.at_work = step;
    step_at_ = now_;
    const bool way_back = state_.phase == PreparePhase::undoing;
    emit(prepare_action::Do{.step = step,
                            .run = ++state_.run,
                            .budget = budget,
                            .kind = way_back ? std::string(name(state_.why)) : "prepare"});
}

void PrepareMachine::note(PrepareStep step, std::string outcome, std::string detail,
                          microseconds duration) {
    proto::RestoreStep row{.name = std::string(name(step)),
                           .outcome = std::move(outcome),
                           .duration_us = static_cast<std::uint64_t>(duration.count()),
                           .detail = std::move(detail)};
    if (state_.phase == PreparePhase::undoing) undo_steps_.push_back(row);
    report_.steps.push_back(std::move(row));
}

void PrepareMachine::answer(std::uint64_t ticket) {
    emit(prepare_action::Answer{ticket, report_});
}

void PrepareMachine::record(std::string type, boost::json::object body) {
    emit(prepare_action::Record{std::move(type), std::move(body)});
}

} // namespace rouse::restore
