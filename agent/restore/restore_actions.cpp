// How RestoreService does what the chain asks for.
#include "agent/restore/generation_file.hpp"
#include "agent/restore/restore_service.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

namespace rouse::restore {

namespace {

/// What the host is told about a chain that ended; nothing at boot, and nothing as long as nobody
/// has answered: the report of the late answer says it all.
std::string_view event_type(const proto::RestoreReport& report, const ChainState& state) {
    if (report.state == "failed") return "restore_failed";
    if (report.kind == "boot" || !state.link.ack) return {};
    return report.kind == "restore" ? "restored" : "reconnected";
}

} // namespace

void RestoreService::perform(const action::BeginEpoch& begun) {
    record("epoch_began", {{"epoch", begun.epoch}});
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
    const std::size_t closed =
        hooks_.fence ? hooks_.fence(fence.keep) : registry_.fence(identity_.epoch, fence.keep);
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
    link_.send(proto::FrameType::hello, to_json(document));
}

void RestoreService::perform(const action::Apply& apply) {
    const Kernel kernel = options_.apply_to_kernel ? Kernel::repair : Kernel::leave_alone;
    Repairs repairs =
        hooks_.repair ? hooks_.repair(apply.document) : repair(apply.document, kernel);
    for (const proto::RestoreStep& step : repairs.steps)
        if (step.outcome == "failed")
            log(fmt::format("restore: cannot repair \"{}\": {}, {}", step.name, step.detail,
                            repairs.failed ? "execs stay refused" : "going on"));
    hear(event::Applied{identity_.epoch, std::move(repairs.steps), repairs.failed});
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
}

void RestoreService::perform(const action::AnswerHostWord& answer) {
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

io::Awaitable<> RestoreService::run_deadline(Deadline deadline, std::uint64_t timer,
                                             std::chrono::milliseconds after) {
    io::Timer& clock = deadline == Deadline::rebind    ? rebind_timer_
                       : deadline == Deadline::confirm ? confirm_timer_
                                                       : redial_timer_;
    clock.expires_after(after); // ends the wait of the deadline that this one replaces
    auto waited = co_await clock.async_wait(io::no_throw);
    const auto& [error] = waited;
    if (!error) hear(event::Timeout{deadline, timer});
}

void RestoreService::perform(const action::Note& note) {
    log(note.text);
}

} // namespace rouse::restore
