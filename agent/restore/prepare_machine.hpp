#pragma once
// The preparation for a snapshot as a pure state machine: events in, actions out, no I/O and no
// clock.
//
//           Asked                                                      Asked: the lease begins anew
//   idle ──────────► preparing ────────────── the last step ───────────────► prepared ◄──┐
//    ▲               │   │  spawns · hook · freeze · flush · connections        │  │     │ only
//    file │               │   │  sync · freeze file systems · console                │  └──┐  │
//    systems │     UndoAsked │   │ a step failed that must not, or                      │     ▼  │
//    │               ▼   │ the deadline has passed           UndoAsked, LeaseDue│  undoing
//    │        cancelling │                                                      │     ▲
//    │          StepDone │                                                      ▼     │
//    │               └───┴──────────────────────────────────────────────────► undoing ┘
//    │                       thaw file systems · thaw payload · hook resume       │
//    └────────────────────────────────────────────────────────────────────────────┘
//
// The order is the only one that works: a hook may run commands and write to file systems, so it
// comes before anything is frozen; a process that writes to a frozen file system cannot be frozen
// itself any more, so the payload comes first (measured on ext4). Undoing goes the other way.
// From idle on and back to it no process is started for anybody.
// A preparation that fails is undone, and answered once its payload runs again; the hook may
// follow. A request that comes while one is prepared only gets a new lease; one that comes while
// another is at work gets the same answer; one that comes while one is undone begins when that is
// done.

#include "agent/restore/prepare_values.hpp"

#include <optional>
#include <vector>

namespace rouse::restore {

enum class PreparePhase { idle, preparing, cancelling, prepared, undoing };

struct PrepareOptions {
    bool has_prepare_hook = false;
    bool has_resume_hook = false;
    std::chrono::milliseconds hook_timeout = proto::limits::hook;
    std::chrono::milliseconds spawns{2000};  ///< for processes that are being started
    std::chrono::milliseconds freeze{3000};  ///< for `frozen 1`
    std::chrono::milliseconds console{500};  ///< for what was written to the console to leave
    std::chrono::milliseconds undo{2000};    ///< for each thawing
    std::chrono::milliseconds reserve{1000}; ///< of the deadline, at most, for the undoing
};

/// Everything that decides what the machine does next, apart from times and reports.
struct PrepareState {
    using AskedAll = std::vector<prepare_event::Asked>;
    using UndoAll = std::vector<prepare_event::UndoAsked>;

    PreparePhase phase = PreparePhase::idle;
    std::uint64_t run = 0; ///< of the step at work
    std::optional<PrepareStep> at_work;
    std::string lease; ///< of the present preparation
    // What is to be undone. Set before a step begins: it may fail half-way.
    bool hooked = false;
    bool frozen = false;
    bool filesystems = false;
    Undo why = Undo::resume;       ///< of the present undoing
    bool only_filesystems = false; ///< the present undoing goes no further, or the last one went
    bool lease_held = false;
    bool lease_was_due = false; ///< while it was held
    bool expired = false;       ///< the last one ran out, and nobody was told yet
    std::string expired_lease;
    std::vector<std::uint64_t> tickets; ///< of those that wait for the preparation
    UndoAll undo_tickets;               ///< of those that wait for the undoing
    AskedAll waiting;                   ///< begin anew after the undoing
};

class PrepareMachine {
public:
    explicit PrepareMachine(PrepareOptions options = {});

    /// Takes one event that happened at `now` and returns what to do, in order. `now` never goes
    /// back.
    [[nodiscard]] PrepareActions handle(const PrepareEvent& event,
                                        std::chrono::steady_clock::time_point now);

    [[nodiscard]] const PrepareState& state() const { return state_; }
    /// What the present or last preparation was asked for.
    [[nodiscard]] const proto::PrepareRequest& request() const { return request_; }
    /// Whether no process may be started for anybody.
    [[nodiscard]] bool refuses_spawns() const { return state_.phase != PreparePhase::idle; }
    /// "none", "preparing", "prepared", "resuming", "expired".
    [[nodiscard]] std::string_view state_name() const;
    /// When the lease runs out; only while prepared.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> lease_due() const;

private:
    using Clock = std::chrono::steady_clock;

    void on(const prepare_event::Asked& asked);
    void on(const prepare_event::UndoAsked& asked);
    void on(const prepare_event::StepDone& done);
    void on(const prepare_event::LeaseDue& due);
    void on(const prepare_event::LeaseHeld& held);

    // prepare_machine.cpp: the way there
    void begin(const prepare_event::Asked& asked);
    void go_on();
    void do_step(PrepareStep step);
    [[nodiscard]] std::optional<std::string> why_not(PrepareStep step) const;
    [[nodiscard]] std::chrono::milliseconds budget_of(PrepareStep step) const;
    void note_effect(PrepareStep step);
    void prepared();
    void arm_lease(std::chrono::milliseconds after);

    // prepare_undo.cpp: the way back
    void undo(Undo why, bool only_filesystems);
    void undo_next();
    void undone();
    void answer_failed();
    void answer_undo(bool with_hooks_too);
    [[nodiscard]] bool is_meant(const std::string& lease) const;
    void refuse_undo(const prepare_event::UndoAsked& asked);

    void start(PrepareStep step, std::chrono::milliseconds budget);
    void note(PrepareStep step, std::string outcome, std::string detail,
              std::chrono::microseconds duration);
    void answer(std::uint64_t ticket);
    void record(std::string type, boost::json::object body);
    void emit(PrepareAction action) { actions_.push_back(std::move(action)); }

    PrepareOptions options_;
    PrepareState state_;
    proto::PrepareRequest request_;
    proto::Prepared report_;
    std::vector<proto::RestoreStep> undo_steps_;
    std::size_t next_ = 0; ///< index of the step that follows
    PrepareActions actions_;
    std::uint64_t timers_ = 0;
    Clock::time_point lease_due_;
    std::chrono::milliseconds lease_length_{};
    bool lease_armed_ = false;
    bool lease_extended_ = false;
    Clock::time_point now_;
    Clock::time_point began_;   ///< the preparation
    Clock::time_point step_at_; ///< the step at work
    Clock::time_point stop_at_; ///< what is not done by then has failed
};

} // namespace rouse::restore
