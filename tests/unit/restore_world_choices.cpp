// What can happen next in the world around the restore chain.
#include "tests/unit/restore_world.hpp"

#include <fmt/format.h>

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
    if (thawing_) can.push_back({"thawed", event::Thawed{epoch, {{"thaw", "ok", 1, ""}}}});
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

} // namespace rouse::test
