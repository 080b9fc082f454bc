#pragma once
// The life of the workload as a pure state machine: events and times in, orders out.
//
// clang-format off
//   idle ─begin─▶ starting ─started─▶ running ─stop asked, or not ready in time─▶ stopping
//                  ▲ │                 │   ready() announces it, once             │  ▲
//                  │ └─failed─┐        └─ended─┐                          ended─┘  └─grace over: kill
//                  │          ▼                ▼                             │
//                  │        the run has ended ◀──────────────────────────────┘
//                  │          │ │ └─ none will come ──────────────────────────▶ over
//                  │          │ └─ somebody stopped it ─▶ held ────┐
//                  │          └─ the policy wants another ─▶ waiting: each pause twice the last one
//                  │                                       │       │
//                  └───────────────────────────pause over──┴───────┴─restart asked
// clang-format on
//
// What was asked for beats the policy, and an end that was asked for beats everything.

#include "proto/workload_config.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace rouse::workload {

using Time = std::chrono::steady_clock::time_point;

struct LifeOptions {
    proto::RestartConfig restart;
    bool asks_for_ready = false; ///< ready() says so; else a run is ready when it has started
    std::chrono::milliseconds ready_timeout{0}; ///< for a run that is asked; 0: none
    std::chrono::milliseconds stop_grace{0};    ///< from the stop signal to the kill
};

enum class Phase { idle, starting, running, stopping, waiting, held, over };

std::string_view name(Phase phase);

/// What is to be done now, in this order.
enum class Order {
    start,     ///< begin a run
    announce,  ///< the run is ready
    terminate, ///< the stop signal to its process group
    kill,      ///< the end of everything that the run has
    pause,     ///< the run has ended, and another one comes after pause()
    hold,      ///< the run has ended because somebody stopped it
    finish,    ///< no run will come any more; once
};

using Orders = std::vector<Order>;

class Life {
public:
    explicit Life(LifeOptions options) : options_(options), delay_(options.restart.delay) {}

    /// The first run. Nothing after an end that came before.
    Orders begin();
    /// The run has exec'd.
    Orders started(Time now);
    /// The run is ready: what it was asked for, or what it said. Said twice, it is heard once; what
    /// it says before started() counts from then on.
    Orders ready();
    /// It needs more time to become ready: the timeout is over at `until` at the earliest.
    void extend_ready(Time until);
    /// The run has ended, or could not be started, which is no success.
    Orders ended(Time now, bool success);

    /// Somebody wants it to stop, and to stay so until restart().
    Orders stop(Time now);
    /// Somebody wants a new run, now: of a run the stop signal is the end. Nothing once it is over.
    Orders restart(Time now);
    /// The agent ends: the stop signal, and no run any more.
    Orders end(Time now);
    /// There will be no other run, but this one ends when it likes.
    Orders let_end();

    /// What is due at `now`.
    Orders due(Time now);
    /// When due() has something to say next; nothing: not before another event.
    [[nodiscard]] std::optional<Time> next_due() const;
    /// A wait for `due`, which next_due() gave, began at `wait_began` and has ended at `now`. When
    /// that is so late that the clock must have jumped, the time that was left then is left anew; a
    /// deadline has one such chance.
    void waited(Time due, Time wait_began, Time now);

    [[nodiscard]] Phase phase() const { return phase_; }
    /// There is a process, or one is being made.
    [[nodiscard]] bool has_process() const {
        return phase_ == Phase::starting || phase_ == Phase::running || phase_ == Phase::stopping;
    }
    [[nodiscard]] bool is_ready() const { return phase_ == Phase::running && ready_; }
    /// Another run may come after this one.
    [[nodiscard]] bool may_run_again() const;
    /// An end was asked for, and nothing else counts any more.
    [[nodiscard]] bool is_ending() const { return wish_ == Wish::end; }
    /// Runs that were begun.
    [[nodiscard]] std::uint64_t runs() const { return runs_; }
    /// Before the run that is waited for.
    [[nodiscard]] std::chrono::milliseconds pause() const { return pause_; }
    /// The policy would have wanted another run, but there were too many.
    [[nodiscard]] bool gave_up() const { return gave_up_; }
    /// The present run, or the last one, did not become ready in time.
    [[nodiscard]] bool was_late() const { return late_; }

private:
    enum class Wish { none, hold, restart, end };

    Order begin_run();
    Orders ask(Wish wish, Time now);
    Orders not_begun(Wish wish);
    Orders end_run(Time now);
    Orders over();
    Orders run_again(Time now);
    bool is_within_limit(Time now);
    void reset_back_off();

    LifeOptions options_;
    Phase phase_ = Phase::idle;
    Wish wish_ = Wish::none;
    bool ready_ = false;
    bool late_ = false;
    bool gave_up_ = false;
    bool said_early_ = false;       ///< that it is ready, before it was known to have started
    bool terminate_wanted_ = false; ///< as soon as there is a process
    std::uint64_t runs_ = 0;
    std::chrono::milliseconds delay_; ///< before the next restart
    std::chrono::milliseconds pause_{0};
    Time run_began_;
    std::deque<Time> restarts_;    ///< of the policy, within the window
    std::optional<Time> extended_; ///< while it starts: it becomes ready by then at the earliest
    std::optional<Time> ready_end_;
    std::optional<Time> kill_end_;
    std::optional<Time> pause_end_;
    std::optional<Time> second_; ///< one that has had its second chance
};

} // namespace rouse::workload
