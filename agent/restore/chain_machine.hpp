#pragma once
// The restore chain as a pure state machine: events in, actions out, no I/O and no clock.
//
//         Boot · CanaryLost of an acknowledged link · HostWord with a new generation · Noticed
//                                │  epoch + 1, gate shut, output off, link closed
//                                ▼
//                            fencing ──FenceDone──► rebinding ──RebindDone──► opening
//                                                                              │  ▲
//          dial: LinkUp → hello · LinkFailed, link lost → redial with back-off │  │ Applied
//                                                                              ▼  │
//        Probed and HelloAck with the hello's nonce, or nobody answers ──►  (new document?)
//                                                             │ no             │ yes
//                                                             ▼                ▼
//        thawing ◄─ a restore of a prepared VM, and nothing left to apply
//           │ Thawed                             │                  │
//           └─► gate open, CONFIRM, output ── settled ◄───────── applying
//                             ▼                  │                  │  failed: gate stays shut,
//                         connected           degraded           failed     output stays off,
//                                                │                          payload frozen
//                                                │  ▲
//                                                ▼  │ redialled with back-off; a late answer goes
//                                             opening │ on with confirm → output of the same epoch
//
// Degraded: the gate is open because the listener was rebound, but no probe has proven that the
// host reaches it; output connects only where the probe is not required.
// A document that could not be applied is owed: no later chain opens before it, or another, is in
// force, whatever began that chain and whatever its host says.
// A host word joins a running chain: by value with the generation that is being handled, and a
// chain that began otherwise takes over a generation that it did not know yet. A second new
// generation begins a chain of its own as soon as the step at work is done.
//
// What a source notices belongs to the chain that runs or has just ended, once for each source;
// otherwise it begins a chain. It decides nothing while a host answers: only where none does, and a
// source proves that this is another VM, the generation is made locally. A timer that fired late
// proves nothing at all, since a busy machine does that, too: it makes the machine ask the host on
// the link, and silence is the loss of the link.

#include "agent/restore/chain_values.hpp"

#include <deque>
#include <map>
#include <set>

namespace rouse::restore {

enum class Phase { idle, fencing, rebinding, opening, applying, thawing, settled };
enum class Outcome { none, connected, degraded, failed };
enum class LinkState { none, dialling, up, waiting };

struct ChainOptions {
    std::chrono::milliseconds rebind_deadline{2000};
    std::chrono::milliseconds confirm_deadline{5000};
    std::chrono::milliseconds redial_first{50};
    std::chrono::milliseconds redial_most{1000};
    /// After this long without an answer the link is dialled only when somebody wants the host.
    std::chrono::milliseconds redial_until{60000};
    bool require_probe = true;
    bool has_link = true; ///< false: nobody is dialled, every chain is local
    /// A source that speaks for the first time this soon after a chain's end means that chain.
    std::chrono::milliseconds same_restore{2000};
    std::chrono::milliseconds verify_deadline{2000};
    bool coalesce = true;      ///< false: each trigger begins a chain; only tests want that
    bool confirm_first = true; ///< false: output connects before confirm; only tests want that
};

/// What was made of a trigger, for people.
struct TriggerRecord {
    TimePoint at;
    std::string source;
    std::string value;
    std::uint64_t epoch = 0; ///< that it began or joined
    std::string made; ///< "began", "joined", "completed", "repeated", "postponed", "verifying"
};

/// Who said a host word and waits for what came of it.
struct Asker {
    std::uint64_t ticket = 0;
    bool named = false; ///< the word has a generation

    friend bool operator==(const Asker&, const Asker&) = default;
};

/// The newest dial of the link, and what the host has said on it.
struct LinkFacts {
    std::uint64_t number = 0; ///< counts dials; older numbers are dead
    LinkState state = LinkState::none;
    std::string nonce;            ///< of the hello
    std::string hello_generation; ///< that the hello named
    bool probed = false;
    std::optional<proto::RestoreDocument> ack;

    friend bool operator==(const LinkFacts&, const LinkFacts&) = default;
};

/// Everything that decides what the machine does next, apart from times and reports.
struct ChainState {
    std::uint64_t epoch = 0;
    Phase phase = Phase::idle;
    Outcome outcome = Outcome::none;
    std::string generation;
    std::optional<std::string> parent;
    bool gate_open = false;
    bool output_on = false;
    bool rebound = false;          ///< the listener listens
    bool given_up = false;         ///< nobody answers: go on without the host
    bool applied = false;          ///< a document of this epoch was applied
    bool apply_failed = false;     ///< the last one was not
    bool owed = false;             ///< `word` failed: nothing opens before one is in force
    bool host_word = false;        ///< the host reached us over HTTP in this epoch
    bool moved = false;            ///< a source has proven in this epoch that this is another VM
    bool made_local = false;       ///< the generation was made locally in this epoch
    bool nameless = false;         ///< the word is a new life's and has no generation for it
    bool named = false;            ///< the host has given a generation in this epoch
    bool prepared = false;         ///< for a snapshot; the payload may be frozen
    std::set<std::string> sources; ///< that have spoken in this epoch
    std::map<std::string, std::string> heard; ///< the last value of each source
    LinkFacts link;
    std::optional<proto::RestoreDocument> word; ///< of the host, not yet applied
    std::optional<event::HostWord> pending;     ///< begins a chain of its own
    std::optional<Signal> pending_signal;       ///< the same, where no word is pending
    std::vector<Asker> askers;                  ///< are answered at the end
    std::vector<Asker> pending_askers;          ///< the same for `pending`
    std::chrono::milliseconds backoff{};

    friend bool operator==(const ChainState&, const ChainState&) = default;
};

class ChainMachine {
public:
    /// `generation`: a UUID made locally, used until the host gives one.
    ChainMachine(std::string generation, ChainOptions options);

    /// Takes one event that happened at `now` and returns what to do, in order. `now` never goes
    /// back; it only measures steps and paces redials.
    [[nodiscard]] Actions handle(const Event& event, TimePoint now);

    [[nodiscard]] const ChainState& state() const { return state_; }
    /// The last 16, oldest first; that of a running chain is not among them.
    [[nodiscard]] const std::deque<proto::RestoreReport>& reports() const { return reports_; }
    /// The last 32, oldest first.
    [[nodiscard]] const std::deque<TriggerRecord>& triggers() const { return triggers_; }
    /// Name of the step at work, for people: "fence", "rebind", "confirm", "apply", "thaw",
    /// "failed" while the gate stays shut, "none" when nothing is under way.
    [[nodiscard]] std::string_view step() const;

private:
    struct Timer {
        std::uint64_t number = 0;
        TimePoint due;
        std::chrono::milliseconds after{};
        bool extended = false;
    };

    void on(const event::Boot&);
    void on(const event::CanaryLost& lost);
    void on(const event::HostWord& word);
    void on(const event::FenceDone& done);
    void on(const event::RebindDone& done);
    void on(const event::LinkUp& up);
    void on(const event::LinkFailed& failed);
    void on(const event::Probed& probed);
    void on(const event::HelloAck& ack);
    void on(const event::Applied& applied);
    void on(const event::Timeout& timeout);
    void on(const event::Wanted&);
    void on(const event::Noticed& noticed);
    void on(const event::LinkVerified& verified);
    void on(const event::PrepareChanged& changed);
    void on(const event::Thawed& thawed);

    // chain_machine.cpp
    void begin(std::string kind, std::string trigger, action::Fence fence);
    void begin(event::HostWord word);
    void begin(Signal signal);
    [[nodiscard]] bool begin_pending();
    void advance();
    void go_on();
    void finish();
    void settle();
    void open_up(bool output);
    void fail();
    void apply(proto::RestoreDocument document, bool make_generation);
    void adopt(const std::optional<std::string>& generation, bool is_local);
    [[nodiscard]] const proto::RestoreDocument* document_to_apply() const;
    [[nodiscard]] bool is_another_life() const;
    [[nodiscard]] bool needs_local_generation() const;
    [[nodiscard]] bool running() const;
    [[nodiscard]] bool confirmed() const;
    void shut();

    // chain_host_word.cpp
    void join(const event::HostWord& word);
    void take(event::HostWord word);
    void enter(const event::HostWord& word);
    void merge(const event::HostWord& word);
    void postpone(const event::HostWord& word);
    [[nodiscard]] bool is_being_handled(const event::HostWord& word) const;
    [[nodiscard]] bool may_merge(const event::HostWord& word) const;

    // chain_signals.cpp
    void join(const Signal& signal);
    [[nodiscard]] bool belongs(const std::string& source) const;
    void verify_link();
    void remember(const std::string& source, const std::string& value, std::string made);
    void remember(const event::HostWord& word, std::string made);

    // chain_link.cpp
    void dial();
    void redial_later();
    void arm(Deadline deadline, std::chrono::milliseconds after);
    void on_confirm_deadline();
    void on_verify_deadline();
    [[nodiscard]] bool late_for_the_first_time(Deadline deadline, Timer& timer);
    [[nodiscard]] bool is_late_reset() const;
    void lose_link();

    // chain_report.cpp
    void lap(std::string name, std::string outcome, std::string detail = {});
    void lap(std::vector<proto::RestoreStep> steps);
    void record_confirm();
    void store(std::string state);
    void answer();
    [[nodiscard]] const proto::RestoreReport* report_about(const std::string& generation) const;
    void supersede();

    void emit(Action action) { actions_.push_back(std::move(action)); }

    ChainOptions options_;
    ChainState state_;
    proto::RestoreReport report_;
    std::deque<proto::RestoreReport> reports_;
    std::string recorded_confirm_; ///< what the last "confirm" step of this report says
    proto::RestoreDocument applying_;
    bool applying_local_ = false; ///< with a generation that is made locally
    std::deque<TriggerRecord> triggers_;
    Actions actions_;
    std::uint64_t timers_ = 0;
    Timer rebind_timer_;
    Timer confirm_timer_;
    Timer redial_timer_;
    Timer verify_timer_;
    TimePoint now_;
    TimePoint began_;     ///< this epoch
    TimePoint ended_;     ///< its chain, for the last time so far
    TimePoint mark_;      ///< end of the last step
    TimePoint connected_; ///< when the host confirmed last
};

} // namespace rouse::restore
