// What a word of the host (`POST /v1/restore`) does to the restore chain. Coalescing is by value:
// one generation is handled once, however often and by whatever way it is named.
#include "agent/restore/chain_machine.hpp"

namespace rouse::restore {

namespace {

/// A change that a source sees is a new life; one without a name asks us to make it. The host
/// itself says by a word without a generation that nothing but connections was lost.
bool is_nameless(const event::HostWord& word) {
    return word.source != "host" && !word.document.generation;
}

Asker asker_of(const event::HostWord& word) {
    return {.ticket = word.ticket, .named = word.document.generation.has_value()};
}

} // namespace

void ChainMachine::on(const event::HostWord& word) {
    if (!options_.coalesce) return begin(word);
    if (running() && is_being_handled(word)) return join(word);
    const std::optional<std::string>& generation = word.document.generation;
    if (const proto::RestoreReport* report = generation ? report_about(*generation) : nullptr) {
        remember(word, "repeated");
        if (word.ticket != 0) emit(action::AnswerHostWord{word.ticket, *report});
        return;
    }
    if (may_merge(word)) return merge(word);
    if (running()) return postpone(word);
    begin(word);
}

/// Whether the running chain does already what the word asks for.
bool ChainMachine::is_being_handled(const event::HostWord& word) const {
    const std::optional<std::string>& generation = word.document.generation;
    if (!generation) return !is_nameless(word);
    if (state_.phase == Phase::applying && applying_.generation)
        return generation == applying_.generation;
    return state_.word && state_.word->generation ? generation == state_.word->generation
                                                  : generation == state_.generation;
}

/// A chain that a trigger began does not know the generation yet: the word completes it, and what
/// was fenced and rebound is not fenced and rebound again. A chain that has ended takes it as long
/// as the word can belong to what began it; connections that are older are closed already, and
/// younger ones must live.
bool ChainMachine::may_merge(const event::HostWord& word) const {
    if (!word.document.generation && !is_nameless(word)) return false;
    if (state_.word || state_.named) return false;
    if (state_.sources.contains("boot") || report_.trigger == "host") return false;
    if (state_.phase == Phase::settled)
        return state_.outcome != Outcome::failed && now_ - ended_ <= options_.confirm_deadline;
    return state_.phase != Phase::applying && state_.phase != Phase::thawing;
}

void ChainMachine::merge(const event::HostWord& word) {
    remember(word, "completed");
    report_.kind = "restore";
    take(word);
    if (state_.phase == Phase::settled) go_on();
}

/// The running chain does it already; whoever asks gets its report.
void ChainMachine::join(const event::HostWord& word) {
    remember(word, "joined");
    enter(word);
}

/// The chain at work is about the word, too.
void ChainMachine::enter(const event::HostWord& word) {
    state_.sources.insert(word.source);
    state_.host_word = state_.host_word || word.source == "host";
    if (word.ticket != 0) state_.askers.push_back(asker_of(word));
}

/// A word that says nothing new does not take the place of a document that is owed.
void ChainMachine::take(event::HostWord word) {
    enter(word);
    if (state_.owed && !word.document.generation && !is_nameless(word)) return;
    state_.nameless = is_nameless(word);
    state_.word = std::move(word.document);
}

/// Another generation while one is being handled: the machine was frozen and thawed again. The step
/// at work is finished first, so that two rebinds never overlap; waiting for the host is not work.
void ChainMachine::postpone(const event::HostWord& word) {
    if (state_.phase == Phase::opening) return begin(word);
    remember(word, "postponed");
    if (state_.pending && state_.pending->document.generation != word.document.generation) {
        // The newest word counts; who asked for the one before learns what is under way.
        state_.askers.insert(state_.askers.end(), state_.pending_askers.begin(),
                             state_.pending_askers.end());
        state_.pending_askers.clear();
    }
    state_.pending = word;
    if (word.ticket != 0) state_.pending_askers.push_back(asker_of(word));
}

} // namespace rouse::restore
