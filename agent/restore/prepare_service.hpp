#pragma once
// The hands of a preparation for a snapshot: does what prepare_machine.hpp decides, and tells it
// what came of it.

#include "agent/io/condition.hpp"
#include "agent/io/connection_registry.hpp"
#include "agent/io/task_group.hpp"
#include "agent/restore/hook_runner.hpp"
#include "agent/restore/inbox.hpp"
#include "agent/restore/prepare_machine.hpp"

#include <functional>
#include <map>

namespace rouse::restore {

/// What a preparation needs from its neighbours. All must be there; each keeps its deadline, may be
/// cancelled, and a text that it returns says what went wrong, or is empty.
struct PrepareHands {
    using Milliseconds = std::chrono::milliseconds;

    /// Waits until no process is being started; false: some still are.
    std::function<io::Awaitable<bool>(Milliseconds)> settle_spawns;
    /// `kind`: for ROUSE_KIND.
    std::function<io::Awaitable<proto::RestoreStep>(Hook, std::string kind, Milliseconds)> run_hook;
    std::function<io::Awaitable<std::string>(Milliseconds)> freeze;
    std::function<io::Awaitable<std::string>(Milliseconds)> thaw;
    /// Bytes of the workload's output that no host has acknowledged at the deadline.
    std::function<io::Awaitable<std::uint64_t>(Milliseconds)> flush;
    std::function<io::Awaitable<std::string>(Milliseconds)> sync;
    std::function<io::Awaitable<std::string>(std::vector<std::string>, Milliseconds)>
        freeze_filesystems;
    std::function<io::Awaitable<std::string>(Milliseconds)> thaw_filesystems;
    /// Bytes of the console that have not left the machine.
    std::function<std::size_t()> console_unsent;
    /// For the guest's own record.
    std::function<void(std::string_view type, boost::json::object body)> record;
};

/// One thread. Lives as long as the tasks that it spawns in `tasks`.
class PrepareService {
public:
    using Steps = std::vector<proto::RestoreStep>;

    /// Borrows `tasks` and `registry`.
    PrepareService(io::Executor executor, io::TaskGroup& tasks, io::ConnectionRegistry& registry,
                   PrepareOptions options, PrepareHands hands);
    PrepareService(const PrepareService&) = delete;
    PrepareService& operator=(const PrepareService&) = delete;
    PrepareService(PrepareService&&) = delete;
    PrepareService& operator=(PrepareService&&) = delete;
    ~PrepareService() = default;

    /// `POST /v1/snapshot/prepare`: within the deadline of the request. Whoever asks while another
    /// preparation is under way gets the same answer; while one is in force, its lease begins anew.
    /// Throws boost::system::system_error without getrandom(2).
    io::Awaitable<proto::Prepared> prepare(proto::PrepareRequest request);

    /// `POST /v1/snapshot/resume`: undoes it, hooks included.
    io::Awaitable<proto::Resumed> resume(std::string lease);

    // For the restore chain. All are harmless when nothing is prepared, and may be called twice.

    /// Before the restore document is applied: thaws file systems, which its steps may have to
    /// write to, while the payload stays as it is. A preparation that is still under way is given
    /// up. What was done; nothing when there was nothing to do.
    io::Awaitable<Steps> thaw_filesystems_after_restore();
    /// When the gate opens: thaws what is left and lets processes be started. Runs no hook;
    /// `resume` is for the source VM, `restored` for this one.
    io::Awaitable<Steps> thaw_after_restore();
    /// While a chain runs, and after one that failed, the lease thaws nothing. Release undoes what
    /// ran out meanwhile.
    void hold_lease();
    void release_lease();
    /// Id of the newest connection when the preparation in force was answered: that one and all
    /// older ones were open, or gone, when the snapshot was taken. 0: none is in force.
    [[nodiscard]] std::uint64_t open_mark() const { return mark_; }
    /// For the hello: "none", "prepared", or "expired" when the lease ran out and nobody knows yet.
    [[nodiscard]] std::string hello_state() const;

    /// For the agent's end: nothing is left frozen, no hook is run.
    io::Awaitable<> shut_down();

    /// Whether no process may be started: from the start of a preparation until it is undone.
    [[nodiscard]] bool refuses_spawns() const { return machine_.refuses_spawns(); }
    /// Waits while one is being undone, at most limits::spawn_gate; then whether processes may be
    /// started.
    io::Awaitable<bool> admits_spawns();
    [[nodiscard]] boost::json::object status() const;

private:
    /// A request that waits for its answer.
    template <typename T>
    struct Ticket {
        explicit Ticket(const io::Executor& executor)
            : timer(executor, io::Timer::time_point::max()) {}
        io::Timer timer; ///< cancelled when the answer is there
        std::optional<T> answer;
    };
    template <typename T>
    using Tickets = std::map<std::uint64_t, Ticket<T>*>; ///< live in the frames of the requests

    template <typename T>
    io::Awaitable<T> wait_for(Tickets<T>& tickets, std::uint64_t number, PrepareEvent event);
    io::Awaitable<proto::Resumed> undo(Undo why, std::string lease, bool only_filesystems);

    void hear(PrepareEvent event);
    void perform(const prepare_action::Do& wanted);
    void perform(const prepare_action::Cancel&);
    void perform(const prepare_action::Mark&);
    void perform(const prepare_action::Unmark&);
    void perform(const prepare_action::ArmLease& lease);
    void perform(const prepare_action::DisarmLease&);
    void perform(const prepare_action::Answer& answer);
    void perform(const prepare_action::AnswerUndo& answer);
    void perform(const prepare_action::Record& record);

    // prepare_steps.cpp
    io::Awaitable<> run_step(prepare_action::Do wanted);
    io::Awaitable<> do_step(const prepare_action::Do& wanted, prepare_event::StepDone& done);
    io::Awaitable<> take_text(io::Awaitable<std::string> step, prepare_event::StepDone& done);
    io::Awaitable<> settle_spawns(const prepare_action::Do& wanted, prepare_event::StepDone& done);
    io::Awaitable<> run_hook(const prepare_action::Do& wanted, prepare_event::StepDone& done);
    io::Awaitable<> flush(const prepare_action::Do& wanted, prepare_event::StepDone& done);
    io::Awaitable<> close_idle(prepare_event::StepDone& done);
    io::Awaitable<> drain_console(const prepare_action::Do& wanted, prepare_event::StepDone& done);
    io::Awaitable<> await_cancel(std::uint64_t run);

    io::Awaitable<> undone();
    io::Awaitable<> run_lease(std::uint64_t timer, std::chrono::milliseconds after);
    [[nodiscard]] std::vector<proto::OpenConnection> open_connections() const;

    io::Executor executor_;
    io::TaskGroup& tasks_;
    io::ConnectionRegistry& registry_;
    PrepareHands hands_;
    PrepareMachine machine_;
    Inbox<PrepareEvent> inbox_;
    io::Timer lease_timer_;
    io::Condition cancel_;
    io::Condition changed_; ///< what the machine is at
    std::uint64_t cancelled_run_ = 0;
    std::uint64_t mark_ = 0;
    std::uint64_t next_ticket_ = 1;
    Tickets<proto::Prepared> tickets_;
    Tickets<proto::Resumed> undo_tickets_;
};

} // namespace rouse::restore
