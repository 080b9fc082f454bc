#pragma once
// The restore chain as a pure state machine: events in, actions out, no I/O and no clock.
//
//                  Boot · CanaryLost of an acknowledged link · HostWord with a new generation
//                                │  epoch + 1, gate shut, output off, link closed
//                                ▼
//                            fencing ──FenceDone──► rebinding ──RebindDone──► opening
//                                                                              │  ▲
//          dial: LinkUp → hello · LinkFailed, link lost → redial with back-off │  │ Applied
//                                                                              ▼  │
//        Probed and HelloAck with the hello's nonce, or nobody answers ──►  (new document?)
//                                                             │ no             │ yes
//                                                             ▼                ▼
//                             ┌─── gate open, CONFIRM, output ── settled ◄── applying
//                             ▼                  │                  │  failed: gate stays shut,
//                         connected           degraded           failed     output stays off
//                                                │  ▲
//                                                ▼  │ redialled with back-off; a late answer goes
//                                             opening │ on with confirm → output of the same epoch
//
// Degraded: the gate is open because the listener was rebound, but no probe has proven that the
// host reaches it; output connects only where the probe is not required.
// A host word joins a running chain: by value with the generation that is being handled, and a
// canary's chain takes over a generation that it did not know yet. A second new generation begins
// a chain of its own as soon as the step at work is done.

#include "agent/restore/chain_values.hpp"

#include <deque>

namespace rouse::restore {

enum class Phase { idle, fencing, rebinding, opening, applying, settled };
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
    bool rebound = false;      ///< the listener listens
    bool given_up = false;     ///< nobody answers: go on without the host
    bool applied = false;      ///< a document of this epoch was applied
    bool apply_failed = false; ///< the last one was not
    bool host_word = false;    ///< the host reached us over HTTP in this epoch
    LinkFacts link;
    std::optional<proto::RestoreDocument> word; ///< of the host, not yet applied
    std::optional<event::HostWord> pending;     ///< begins a chain of its own
    std::vector<std::uint64_t> tickets;         ///< host words to be answered at the end
    std::vector<std::uint64_t> pending_tickets; ///< the same for `pending`
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
    /// Name of the step at work, for people: "fence", "rebind", "confirm", "apply", "failed" while
    /// the gate stays shut, "none" when nothing is under way.
    [[nodiscard]] std::string_view step() const;

private:
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

    // chain_machine.cpp
    void begin(std::string kind, std::string trigger, std::uint64_t keep);
    void begin(event::HostWord word);
    [[nodiscard]] bool begin_pending();
    void advance();
    void go_on();
    void finish();
    void open_up(bool output);
    void fail();
    void adopt(const proto::RestoreDocument& document);
    [[nodiscard]] const proto::RestoreDocument* document_to_apply() const;
    [[nodiscard]] bool running() const;
    [[nodiscard]] bool confirmed() const;
    void shut();

    // chain_host_word.cpp
    void join(const event::HostWord& word);
    void merge(const event::HostWord& word);
    void postpone(const event::HostWord& word);
    [[nodiscard]] bool is_being_handled(const event::HostWord& word) const;
    [[nodiscard]] bool may_merge() const;
    [[nodiscard]] const proto::RestoreReport* handled(const proto::RestoreDocument& document) const;

    // chain_link.cpp
    void dial();
    void redial_later();
    void arm(Deadline deadline, std::chrono::milliseconds after);
    void on_confirm_deadline();
    [[nodiscard]] bool late_for_the_first_time();

    // chain_report.cpp
    void lap(std::string name, std::string outcome, std::string detail = {});
    void lap(std::vector<proto::RestoreStep> steps);
    void record_confirm();
    void store(std::string state);
    void answer();
    void supersede();

    struct Timer {
        std::uint64_t number = 0;
        TimePoint due;
        std::chrono::milliseconds after{};
        bool extended = false;
    };

    void emit(Action action) { actions_.push_back(std::move(action)); }

    ChainOptions options_;
    ChainState state_;
    proto::RestoreReport report_;
    std::deque<proto::RestoreReport> reports_;
    std::string recorded_confirm_; ///< what the last "confirm" step of this report says
    proto::RestoreDocument applying_;
    Actions actions_;
    std::uint64_t timers_ = 0;
    Timer rebind_timer_;
    Timer confirm_timer_;
    Timer redial_timer_;
    TimePoint now_;
    TimePoint began_;     ///< this epoch
    TimePoint mark_;      ///< end of the last step
    TimePoint connected_; ///< when the host confirmed last
};

} // namespace rouse::restore
