// What a word of the host (`POST /v1/restore`) does to the restore chain. Coalescing is by value:
// one generation is handled once, however often and by whatever way it is named.
#include "agent/restore/chain_machine.hpp"

#include <algorithm>

namespace rouse::restore {

void ChainMachine::on(const event::HostWord& word) {
    if (running()) {
        if (is_being_handled(word)) return join(word);
        if (const proto::RestoreReport* report = handled(word.document))
            return emit(action::AnswerHostWord{word.ticket, *report});
        if (may_merge()) return merge(word);
        return postpone(word);
    }
    if (const proto::RestoreReport* report = handled(word.document))
        return emit(action::AnswerHostWord{word.ticket, *report});
    if (word.document.generation && may_merge()) {
        merge(word);
        return go_on();
    }
    begin(word);
}

/// Whether the running chain does already what the word asks for.
bool ChainMachine::is_being_handled(const event::HostWord& word) const {
    const std::optional<std::string>& generation = word.document.generation;
    if (!generation) return true;
    if (state_.phase == Phase::applying && applying_.generation)
        return generation == applying_.generation;
    return state_.word && state_.word->generation ? generation == state_.word->generation
                                                  : generation == state_.generation;
}

/// The last finished report about the generation, unless that chain failed: then it may be retried.
const proto::RestoreReport* ChainMachine::handled(const proto::RestoreDocument& document) const {
    if (!document.generation) return nullptr;
    const auto found = std::find_if(reports_.rbegin(), reports_.rend(),
                                    [&document](const proto::RestoreReport& report) {
                                        return report.generation == *document.generation;
                                    });
    return found == reports_.rend() || found->state == "failed" ? nullptr : &*found;
}

/// A canary's chain does not know the generation yet: the word completes it, and what was fenced
/// and rebound is not fenced and rebound again. A degraded chain takes it as long as the word can
/// belong to the loss that began it; connections that are older than the loss are closed already,
/// and younger ones must live.
bool ChainMachine::may_merge() const {
    if (report_.trigger != "canary" || report_.kind != "transport_loss" || state_.word)
        return false;
    if (state_.phase == Phase::settled)
        return state_.outcome == Outcome::degraded && now_ - began_ <= options_.confirm_deadline;
    return state_.phase != Phase::applying;
}

void ChainMachine::merge(const event::HostWord& word) {
    report_.kind = "restore";
    state_.word = word.document;
    join(word);
}

void ChainMachine::join(const event::HostWord& word) {
    state_.host_word = true;
    state_.tickets.push_back(word.ticket);
}

/// Another generation while one is being handled: the machine was frozen and thawed again. The step
/// at work is finished first, so that two rebinds never overlap; waiting for the host is not work.
void ChainMachine::postpone(const event::HostWord& word) {
    if (state_.phase == Phase::opening) return begin(word);
    if (state_.pending && state_.pending->document.generation != word.document.generation) {
        // The newest word counts; who asked for the one before learns what is under way.
        state_.tickets.insert(state_.tickets.end(), state_.pending_tickets.begin(),
                              state_.pending_tickets.end());
        state_.pending_tickets.clear();
    }
    state_.pending = word;
    state_.pending_tickets.push_back(word.ticket);
}

} // namespace rouse::restore
