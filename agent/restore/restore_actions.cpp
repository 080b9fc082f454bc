// How RestoreService does what the chain asks for.
#include "agent/io/clock_jumps.hpp"
#include "agent/restore/generation_file.hpp"
#include "agent/restore/restore_service.hpp"
#include "agent/sys/failpoint.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

namespace rouse::restore {

namespace {

/// Name of a step of the chain for failpoints; empty for what is none.
struct StepName {
    std::string_view operator()(const action::Fence&) const { return "fence"; }
    std::string_view operator()(const action::Rebind&) const { return "rebind"; }
    std::string_view operator()(const action::DialLink&) const { return "dial"; }
    std::string_view operator()(const action::SendHello&) const { return "hello"; }
    std::string_view operator()(const action::Apply&) const { return "apply"; }
    std::string_view operator()(const action::Thaw&) const { return "thaw"; }
    std::string_view operator()(const action::OpenGate&) const { return "gate"; }
    std::string_view operator()(const action::SendConfirm&) const { return "confirm"; }
    std::string_view operator()(const action::ConnectOutput&) const { return "output"; }
    std::string_view operator()(const action::Announce&) const { return "announce"; }
    template <typename Other>
    std::string_view operator()(const Other&) const {
        return {};
    }
};

/// What the host is told about a chain that ended; nothing at boot, and nothing as long as nobody
/// has answered: the report of the late answer says it all.
std::string_view event_type(const proto::RestoreReport& report, const ChainState& state) {
    if (report.state == "failed") return "restore_failed";
    if (report.kind == "boot" || !state.link.ack) return {};
    return report.kind == "restore" ? "restored" : "reconnected";
}

} // namespace

/// Does what is to be done, in order. At a failpoint it pauses for a moment, in which a test can
/// let anything happen: what the chain decides meanwhile is done afterwards.
void RestoreService::work() {
    while (!todo_.empty() && !paused_) {
        const Action action = std::move(todo_.front());
        todo_.pop_front();
        const std::string_view step = std::visit(StepName(), action);
        if (!action_began_ && pause_at("restore-before-", step)) {
            todo_.push_front(action);
            action_began_ = true;
            return;
        }
        action_began_ = false;
        std::visit([this](const auto& wanted) { perform(wanted); }, action);
        if (pause_at("restore-after-", step)) return;
    }
}

bool RestoreService::pause_at(std::string_view when, std::string_view step) {
    if (step.empty() || !sys::failpoint(std::string(when) + std::string(step))) return false;
    record("failpoint", {{"name", std::string(when) + std::string(step)}});
    paused_ = true;
    tasks_.spawn("restore failpoint", end_pause());
    return true;
}

io::Awaitable<> RestoreService::end_pause() {
    io::Timer pause(executor_, std::chrono::milliseconds(300));
    (void)co_await pause.async_wait(io::no_throw); // cancelled: the chain ends with the program
    paused_ = false;
    work();
}

void RestoreService::perform(const action::BeginEpoch& begun) {
    record("epoch_began", {{"epoch", begun.epoch}});
    if (hooks_.hold_prepared) hooks_.hold_prepared(true);
}

// gate() and ready() ask the machine; nobody has to be told that the gate is shut.
void RestoreService::perform(const action::CloseGate&) {}

void RestoreService::perform(const action::OpenGate&) {
    gate_timer_.cancel();
}

void RestoreService::perform(const action::DisconnectOutput&) {
    if (hooks_.disconnect_output) hooks_.disconnect_output();
}

void RestoreService::perform(const action::CloseLink&) {
    link_.close();
}

void RestoreService::perform(const action::Fence& fence) {
    io::FenceRule rule{
        .epoch = identity_.epoch, .keep = fence.keep, .generation = fence.generation};
    if (hooks_.open_mark) rule.mark = hooks_.open_mark();
    const std::size_t closed = hooks_.fence ? hooks_.fence(rule) : registry_.fence(rule);
    hear(event::FenceDone{identity_.epoch, closed});
}

void RestoreService::perform(const action::Rebind&) {
    tasks_.spawn("restore rebind", run_rebind(identity_.epoch));
}

io::Awaitable<> RestoreService::run_rebind(std::uint64_t epoch) {
    std::string outcome = "kept";
    if (hooks_.rebind) {
        io::Awaitable<std::string> rebinding = hooks_.rebind();
        outcome = co_await std::move(rebinding);
    }
    const bool done = outcome == "kept" || outcome == "recreated";
    hear(event::RebindDone{epoch, !done, std::move(outcome)});
}

void RestoreService::perform(const action::DialLink& dial) {
    if (options_.host_link) link_.dial(dial.link, *options_.host_link);
}

void RestoreService::perform(const action::SendHello& hello) {
    proto::LinkHello document;
    document.versions = {static_cast<std::uint64_t>(proto::protocol_version)};
    document.boot_id = identity_.boot_id;
    document.generation = identity_.generation;
    document.epoch = identity_.epoch;
    document.link_key = identity_.link_key;
    document.nonce = hello.nonce;
    document.exec_port = options_.exec_port;
    document.streams = options_.streams;
    if (hooks_.prepare_state) document.prepare = hooks_.prepare_state();
    link_.send(proto::FrameType::hello, to_json(document));
}

void RestoreService::perform(const action::Apply& apply) {
    applied_ = apply.document;
    RepairOrder order;
    order.document = apply.document;
    order.make_generation = apply.make_generation;
    order.kernel = options_.apply_to_kernel ? Kernel::repair : Kernel::leave_alone;
    tasks_.spawn("restore repair", run_repair(identity_.epoch, std::move(order)));
}

io::Awaitable<> RestoreService::run_repair(std::uint64_t epoch, RepairOrder order) {
    Repairs repairs;
    if (hooks_.repair) {
        io::Awaitable<Repairs> repairing = hooks_.repair(std::move(order));
        repairs = co_await std::move(repairing);
    }
    for (const proto::RestoreStep& step : repairs.steps)
        if (step.outcome == "failed")
            log(fmt::format("restore: cannot repair \"{}\": {}, {}", step.name, step.detail,
                            repairs.failed ? "execs stay refused" : "going on"));
    hear(event::Applied{epoch, std::move(repairs.steps), repairs.failed,
                        std::move(repairs.generation)});
}

void RestoreService::perform(const action::SendConfirm& confirm) {
    link_.send(proto::FrameType::confirm, to_json(confirm.report));
    link_.send_events();
}

void RestoreService::perform(const action::ConnectOutput&) {
    if (hooks_.connect_output) hooks_.connect_output(identity_);
}

void RestoreService::perform(const action::Announce& announce) {
    const proto::RestoreReport& report = announce.report;
    log(fmt::format("restore: {} of epoch {} ({}): {}, exec {}, {} us", report.kind, report.epoch,
                    report.trigger, report.state, report.exec, report.total_us));
    if (report.state != "failed" && hooks_.hold_prepared) hooks_.hold_prepared(false);
    if (options_.apply_to_kernel && report.state != "failed") {
        const sys::Result<> written = write_generation_file(identity_.generation);
        if (!written)
            log(fmt::format("restore: cannot write \"{}\": {}, programs do not see the generation",
                            generation_file, written.error().message()));
    }
    const std::string_view type = event_type(report, machine_.state());
    record(type.empty() ? "chain_ended" : type, {{"report", to_json(report)}});
    if (!type.empty()) link_.publish(std::string(type), {{"report", to_json(report)}});
    // A chain that failed sends no CONFIRM, but the host that answered must hear why.
    if (machine_.state().link.ack) link_.send_events();
    announce_restored(report);
    if (report.state != "failed") hand_over_configuration(machine_.state().link);
}

void RestoreService::announce_restored(const proto::RestoreReport& report) {
    if (report.kind != "restore" || report.state == "failed") return;
    if (std::exchange(announced_, report.generation) == report.generation) return;
    if (hooks_.restored) hooks_.restored(report, applied_);
}

/// Of the answer that the chain has taken, once all of it is in force: a workload that began
/// earlier would have the life before. An answer about a generation that is not ours was left
/// alone.
void RestoreService::hand_over_configuration(const LinkFacts& link) {
    if (!hooks_.configuration || !link.ack || link.ack->config.empty()) return;
    const std::optional<std::string>& named = link.ack->generation;
    if (named && *named != identity_.generation && *named != link.hello_generation) return;
    if (std::exchange(configured_by_, link.number) == link.number) return;
    hooks_.configuration(link.ack->config, "boot document of the link");
}

/// The same for a host word. Also when the client that brought it has gone, and when its generation
/// was handled before: then the configuration is all that is new.
void RestoreService::hand_over_configuration(const action::AnswerHostWord& answer) {
    const auto found = offers_.find(answer.ticket);
    if (found == offers_.end()) return;
    const Offer offer = std::move(found->second);
    offers_.erase(found);
    // One that gave way to a newer word is answered with the report of another generation.
    const bool in_force = answer.report.state != "failed" &&
                          answer.report.generation == identity_.generation &&
                          offer.generation.value_or(identity_.generation) == identity_.generation;
    if (in_force && hooks_.configuration) hooks_.configuration(offer.config, "boot document");
}

void RestoreService::perform(const action::AnswerHostWord& answer) {
    hand_over_configuration(answer);
    const auto ticket = tickets_.find(answer.ticket);
    if (ticket == tickets_.end()) return; // The client has gone.
    ticket->second->report = answer.report;
    ticket->second->timer.cancel();
}

void RestoreService::perform(const action::ArmDeadline& deadline) {
    tasks_.spawn("restore deadline",
                 run_deadline(deadline.deadline, deadline.timer, deadline.after));
}

void RestoreService::perform(const action::RedialLater& redial) {
    tasks_.spawn("link redial", run_deadline(Deadline::redial, redial.timer, redial.after));
}

io::Timer& RestoreService::timer_for(Deadline deadline) {
    switch (deadline) {
    case Deadline::rebind:
        return rebind_timer_;
    case Deadline::confirm:
        return confirm_timer_;
    case Deadline::verify:
        return verify_timer_;
    case Deadline::redial:
        break;
    }
    return redial_timer_;
}

io::Awaitable<> RestoreService::run_deadline(Deadline deadline, std::uint64_t timer,
                                             std::chrono::milliseconds after) {
    io::Timer& clock = timer_for(deadline);
    clock.expires_after(after); // ends the wait of the deadline that this one replaces
    auto waited = co_await clock.async_wait(io::no_throw);
    const auto& [error] = waited;
    if (error) co_return;
    io::note_expiry(executor_, clock.expiry(), std::chrono::steady_clock::now());
    hear(event::Timeout{deadline, timer});
}

void RestoreService::perform(const action::Thaw&) {
    tasks_.spawn("restore thaw", run_thaw(identity_.epoch));
}

io::Awaitable<> RestoreService::run_thaw(std::uint64_t epoch) {
    std::vector<proto::RestoreStep> steps;
    if (hooks_.thaw) {
        io::Awaitable<std::vector<proto::RestoreStep>> thawing = hooks_.thaw();
        steps = co_await std::move(thawing);
    }
    hear(event::Thawed{epoch, std::move(steps)});
}

void RestoreService::perform(const action::VerifyLink&) {
    link_.verify();
}

void RestoreService::perform(const action::Note& note) {
    log(note.text);
}

} // namespace rouse::restore
