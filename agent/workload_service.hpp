#pragma once
// Carries out what workload/life decides: starts the runs of the workload, finds out whether they
// are ready, stops them, and says what happens.

#include "agent/io/condition.hpp"
#include "agent/io/task_group.hpp"
#include "agent/output/output_service.hpp"
#include "agent/run_terminal.hpp"
#include "agent/workload.hpp"
#include "agent/workload/life.hpp"
#include "agent/workload/notify_listener.hpp"
#include "agent/workload_terminal.hpp"
#include "proto/config.hpp"

#include <boost/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rouse {

struct WorkloadHooks {
    /// For the host and for the guest's own record.
    std::function<void(std::string_view type, boost::json::object body)> event;
    std::function<void(const std::string& line)> warn;
    /// Returns when processes may be started; a preparation or a restore may have to end first.
    std::function<io::Awaitable<>()> may_start;
    /// The present run is ready, or there is no workload to wait for.
    std::function<void()> ready;
    /// The workload has said something of itself, in words.
    std::function<void(const std::string& status)> status;
    /// A run has begun or ended.
    std::function<void()> changed;
    /// No run will come any more.
    std::function<void()> over;
};

/// One thread. Lives as long as the tasks that it spawns in the group.
class WorkloadService {
public:
    struct Parts {
        supervise::Spawner& spawner;
        io::TaskGroup& tasks;
        output::OutputService* output; ///< null: the workload has the agent's own streams
    };

    /// Borrows the parts.
    WorkloadService(io::Executor executor, Parts parts, const proto::Config& config,
                    WorkloadHooks hooks);

    /// Whether the first run asks may_start(), as all others do: that of the boot does not.
    enum class FirstRun { at_once, when_allowed };

    /// The configuration has changed: only before begin().
    void configure();
    /// Starts the first run, if there is something to run. `notify_directory`: for the socket of
    /// NOTIFY_SOCKET; empty: it has a name that is not in the file system.
    void begin(const std::string& notify_directory, FirstRun first);

    /// The stop signal, and no run until restart(). False: it is over, or there is none.
    bool stop();
    /// Ends the run there is and begins another one. False: it is over, or there is none.
    bool restart();
    /// The stop signal, and no run any more.
    void end();
    /// This run is the last one, and it ends when it likes.
    void let_end();

    /// A signal that came to us, for the process alone or for its group.
    void pass_on(int number, bool to_group);
    /// A child has ended, stopped or gone on: where the workload shares our terminal and was
    /// stopped by it, so are we.
    void look_for_stop();

    /// The process of the present or of the last run.
    [[nodiscard]] Workload& process() { return process_; }
    [[nodiscard]] const Workload& process() const { return process_; }
    [[nodiscard]] const workload::Life& life() const { return life_; }
    [[nodiscard]] bool exists() const { return !process_.command().argv.empty(); }
    /// There is a process, or one may still come by itself.
    [[nodiscard]] bool goes_on() const;
    /// Of the session `main`: "starting", "running", "waiting", "stopped", "exited" or "failed".
    [[nodiscard]] std::string_view state() const;
    /// How the last run of all ended; nothing while another one may come.
    [[nodiscard]] const std::optional<proto::ExitStatus>& final_exit() const;
    [[nodiscard]] const std::optional<proto::SpawnFailure>& final_failure() const;
    [[nodiscard]] boost::json::object status() const;

    /// Waits until no run will come any more.
    io::Awaitable<> wait_over();
    /// Waits until nothing of what was asked for is under way: no run is starting or stopping.
    io::Awaitable<> settled();

    [[nodiscard]] bool has_terminal() const { return config_.supervision.tty.has_value(); }
    /// Errors: ENOTTY without a terminal, ENODEV while there is none.
    sys::Result<> resize(const proto::TerminalSize& size);
    /// Whoever attaches next types anew where the one before has said that it types no more.
    void renew_input() {
        if (has_terminal() && input_.finished()) input_ = exec::SessionInput();
    }
    /// What whoever attaches has typed for the terminal.
    [[nodiscard]] exec::SessionInput& input() { return input_; }

private:
    // workload_service.cpp
    void hear(const workload::Orders& orders);
    void carry_out(workload::Order order);
    io::Awaitable<> keep_time();
    void announce();
    void finish();
    void tell_end(std::string_view type, boost::json::object more);
    // workload_runs.cpp
    io::Awaitable<> run_once();
    io::Awaitable<> until_flushed();
    sys::Result<supervise::Stdio> make_stdio();
    sys::Result<supervise::Stdio> make_terminal();
    void open_pipes();
    void give_up_stdio();
    void run_started();
    void run_ended();
    io::Awaitable<> look_until_ready(std::uint64_t run);
    io::Awaitable<> until_unwanted(std::function<bool()> is_wanted);
    io::Awaitable<> watch_memory(std::uint64_t run);
    void listen_for_ready(const std::string& directory);
    void hear_notification(const workload::NotifyMessage& message);
    void hear_status(const std::string& status);
    io::Awaitable<> tell_status_later();
    void tell_status();
    [[nodiscard]] uid_t owner() const;

    io::Executor executor_;
    Parts parts_;
    const proto::Config& config_;
    WorkloadHooks hooks_;
    workload::Life life_;
    FirstRun first_run_ = FirstRun::at_once;
    Workload process_;
    io::Timer timer_;                            ///< for what life_ has to say next
    io::Condition changed_;                      ///< of life_
    std::optional<output::WorkloadPipes> pipes_; ///< as long as another run may need them
    bool pipes_opened_ = false;
    workload::NotifyListener notifications_;
    std::string said_;                                  ///< the last STATUS of the workload
    std::string told_;                                  ///< the last one that went to the host
    bool status_waits_ = false;                         ///< said_ is to be told
    std::chrono::steady_clock::time_point next_status_; ///< may be told then
    std::shared_ptr<WorkloadTerminal> terminal_;
    std::optional<RunTerminal> our_terminal_; ///< where the workload has the agent's own streams
    exec::SessionInput input_;
    std::chrono::steady_clock::time_point run_began_;
};

} // namespace rouse
