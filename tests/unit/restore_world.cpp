#include "tests/unit/restore_world.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rouse::test {

using namespace restore;

namespace {

proto::RestoreDocument document_for(const char* generation) {
    proto::RestoreDocument document;
    if (generation != nullptr) document.generation = generation;
    document.entropy = "x";
    return document;
}

constexpr std::size_t most_words = 3;
constexpr std::size_t most_losses = 2;
constexpr std::size_t most_signals = 3;
constexpr std::size_t most_snapshots = 2;

event::Noticed notice(const char* source, std::string value, Means means) {
    return {Signal{.source = source, .value = std::move(value), .means = means}};
}

event::Noticed notice_document(const char* generation) {
    event::Noticed noticed =
        notice("mmds", generation == nullptr ? "etag" : generation, Means::restore);
    noticed.signal.document = document_for(generation);
    return noticed;
}

} // namespace

RestoreWorld::RestoreWorld(ChainOptions options)
    : options_(options), machine_(local_generation, options) {}

std::vector<RestoreWorld::Choice> RestoreWorld::choices() const {
    std::vector<Choice> can;
    const std::uint64_t epoch = machine_.state().epoch;
    if (epoch == 0) can.push_back({"boot", event::Boot{}});
    if (fencing_) can.push_back({"fenced", event::FenceDone{epoch, 1}});
    if (rebinding_) {
        can.push_back({"rebound", event::RebindDone{epoch, false, "kept"}});
        can.push_back({"rebind failed", event::RebindDone{epoch, true, "EADDRINUSE"}});
    }
    if (applying_) {
        const std::string made = making_ ? fmt::format("local {}", applications_) : "";
        can.push_back({"applied", event::Applied{epoch, {{"entropy", "ok", 1, ""}}, false, made}});
        can.push_back({"not applied", event::Applied{epoch, {{"entropy", "failed", 1, ""}}, true}});
    }
    if (thawing_) can.push_back({"thawed", event::Thawed{epoch, {"thaw", "ok", 1, ""}}});
    if (dialling_ != 0) {
        can.push_back({"link up", event::LinkUp{dialling_, fmt::format("nonce {}", dialling_)}});
        can.push_back({"link failed", event::LinkFailed{dialling_, "ECONNRESET"}});
    }
    add_host_choices(can);
    can.push_back({"wanted", event::Wanted{}});
    can.push_back({"wrong probe", event::Probed{"other"}});
    if (epoch > 0) add_trigger_choices(can);
    add_timer_choices(can);
    return can;
}

void RestoreWorld::add_host_choices(std::vector<Choice>& can) const {
    if (up_ == 0) return;
    if (losses_ < most_losses || dead_link_) can.push_back({"lost", event::CanaryLost{up_, "eof"}});
    if (dead_link_) return;
    can.push_back({"probed", event::Probed{nonce_}});
    can.push_back({"wrong ack", event::HelloAck{up_, "other", document_for(generation_b)}});
    can.push_back({"ack", event::HelloAck{up_, nonce_, {}}});
    can.push_back({"ack a", event::HelloAck{up_, nonce_, document_for(generation_a)}});
    if (verifying_ == up_) can.push_back({"verified", event::LinkVerified{up_}});
}

void RestoreWorld::add_trigger_choices(std::vector<Choice>& can) const {
    if (words_ < most_words) {
        can.push_back({"word a", event::HostWord{document_for(generation_a), 7, next_ticket_}});
        can.push_back({"word b", event::HostWord{document_for(generation_b), 8, next_ticket_}});
        can.push_back({"word", event::HostWord{{}, 9, next_ticket_}});
    }
    if (signals_ < most_signals) {
        const std::string value = std::to_string(signals_);
        can.push_back({"vmgenid", notice("vmgenid", value, Means::restore)});
        can.push_back({"vmgenid again", notice("vmgenid", "0", Means::restore)});
        can.push_back({"vmclock", notice("vmclock", value, Means::restore)});
        can.push_back({"cid", notice("cid", value, Means::loss)});
        can.push_back({"clock", notice("clock", value, Means::loss)});
        can.push_back({"mmds a", notice_document(generation_a)});
        can.push_back({"mmds", notice_document(nullptr)});
    }
    if (snapshots_ < most_snapshots) {
        can.push_back({"prepared", event::PrepareChanged{true}});
        can.push_back({"snapshot", event::Wanted{}}); // what the restored VM first does
    }
    if (prepared_) can.push_back({"lease over", event::PrepareChanged{false}});
}

void RestoreWorld::add_timer_choices(std::vector<Choice>& can) const {
    if (rebind_timer_ != 0)
        can.push_back({"rebind deadline", event::Timeout{Deadline::rebind, rebind_timer_}});
    if (confirm_timer_ != 0)
        can.push_back({"confirm deadline", event::Timeout{Deadline::confirm, confirm_timer_}});
    if (redial_timer_ != 0)
        can.push_back({"redial", event::Timeout{Deadline::redial, redial_timer_}});
    if (verify_timer_ != 0)
        can.push_back({"verify deadline", event::Timeout{Deadline::verify, verify_timer_}});
}

void RestoreWorld::note_what_happens(const Choice& choice) {
    const Event& event = choice.event;
    if (std::holds_alternative<event::FenceDone>(event)) fencing_ = false;
    if (std::holds_alternative<event::RebindDone>(event)) rebinding_ = false;
    if (std::holds_alternative<event::Applied>(event)) applying_ = false;
    if (std::holds_alternative<event::Thawed>(event)) thawing_ = prepared_ = false;
    if (std::holds_alternative<event::LinkFailed>(event)) dialling_ = 0;
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
    if (std::holds_alternative<event::LinkVerified>(event)) verifying_ = 0;
    if (std::holds_alternative<event::Boot>(event)) ++triggers_;
    if (std::holds_alternative<event::HostWord>(event)) {
        tickets_.insert(next_ticket_++);
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
    require(!applying_, "the gate opens after the document was applied");
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
    require(tickets_.erase(answer.ticket) == 1, "a host word is answered once");
    require(answer.report.state != "running", "a host word is answered with what became of it");
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
        state.tickets.size(), tickets_.size(), triggers_ - rebinds_, reports, trigger_key());
}

/// The part of the key that is about sources, doubts and snapshots.
std::string RestoreWorld::trigger_key() const {
    const ChainState& state = machine_.state();
    return fmt::format("{}{}{}{}{} {}{}{}{} {}{} {} {}|{}|{}", state.moved, state.made_local,
                       state.nameless, state.named, state.prepared, making_, thawing_, prepared_,
                       dead_link_, signals_, snapshots_, verify_timer_ != 0,
                       state.pending_signal ? state.pending_signal->source : "-",
                       fmt::join(state.sources, ","), fmt::join(state.heard, ","));
}

} // namespace rouse::test
