#pragma once
// One exec session: a process, what is kept of its outputs, what waits for its stdin, and its life.
// Clients come and go (session_stream.hpp); the session outlives them.

#include "agent/exec/exec_process.hpp"
#include "agent/exec/session_input.hpp"
#include "agent/exec/session_life.hpp"
#include "agent/exec/session_output.hpp"
#include "agent/io/condition.hpp"
#include "agent/io/memory_budget.hpp"
#include "proto/exec.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rouse::exec {

/// What the client asked for: its answer at the end, a stream of frames, or nothing but the start.
enum class Form { captured, stream, detached };

class Session {
public:
    /// `id` names it among all sessions. Borrows the budget.
    Session(const io::Executor& executor, std::string id, proto::ExecRequest request, Form form,
            io::MemoryBudget& budget);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    Session(Session&&) = delete;
    Session& operator=(Session&&) = delete;
    ~Session() = default;

    /// Starts the process and serves it until it has exited and its outputs are over, or until it
    /// could not be started. Cancelled: the process is killed. Call it once.
    io::Awaitable<> run(supervise::Spawner& spawner, OnStart on_start);

    /// Whether a client that comes with this request means this session.
    [[nodiscard]] bool is_for(const proto::ExecRequest& request, Form form) const;

    /// Makes the caller the controller, and whoever was it no longer. The number stands for it.
    std::uint64_t take_control();
    [[nodiscard]] bool is_controller(std::uint64_t number) const { return controller_ == number; }
    /// The controller is gone, or leaves on purpose. Another's number changes nothing.
    void leave(std::uint64_t number);
    void detach(std::uint64_t number);
    /// Nobody is waited for any more: the agent ends.
    void abandon();

    /// For the process group. Errors: ESRCH when the process is not there (any more).
    sys::Result<> signal(int number);
    /// Errors: ENOTTY without a terminal, ESRCH as above.
    sys::Result<> resize(const proto::TerminalSize& size);
    /// The controller has everything of `stream` before `offset`.
    void release(std::uint8_t stream, std::uint64_t offset);
    /// Frames of stream 0 (SessionInput).
    proto::Parsed<void> receive_input(const proto::Frame& frame);

    /// Told after every change of what is below.
    [[nodiscard]] io::Condition& changed() { return changed_; }
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] Form form() const { return form_; }
    [[nodiscard]] const SessionLife& life() const { return life_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool has_terminal() const { return request_.session.tty.has_value(); }
    [[nodiscard]] const std::optional<proto::ExitStatus>& exit() const { return exit_; }
    [[nodiscard]] const std::optional<proto::SpawnFailure>& failure() const { return failure_; }
    [[nodiscard]] const SessionOutput& output(std::uint8_t stream) const;
    [[nodiscard]] SessionInput& input() { return input_; }
    /// The process has exited, and all is taken that was in its pipes then; or it never ran.
    [[nodiscard]] bool has_result() const;
    [[nodiscard]] proto::ExecResult result() const;
    [[nodiscard]] proto::SessionDocument document() const;
    /// Counts streams that only look.
    std::uint64_t readers = 0;

private:
    /// One output of the running process and how far it was read.
    struct Source {
        SessionOutput& output;
        io::Descriptor& pipe;
        std::uint64_t at_exit = 0; ///< bytes once all is read that was in the pipe at the exit
        bool past_linger = false;  ///< the drain deadline after the exit has passed
        [[nodiscard]] bool is_over() const { return past_linger && output.taken() >= at_exit; }
    };
    enum class Took { bytes, end, nothing };

    // session.cpp
    void change();
    void change_keep();
    void fail(proto::SpawnFailure failure);
    void obey(Order order);
    void note_memory();
    // session_run.cpp
    io::Awaitable<> serve();
    io::Awaitable<> pump(std::optional<Source>& wanted);
    Took take(Source& source, std::size_t room);
    io::Awaitable<> report_exit();
    io::Awaitable<> linger();
    io::Awaitable<> feed_input();
    io::Awaitable<> feed_once();
    io::Awaitable<> keep_time();
    static void note_exit(std::optional<Source>& source);
    static void note_linger(std::optional<Source>& source);

    std::string id_;
    Form form_;
    std::string program_;
    proto::ExecRequest request_; ///< without argv and stdin once it runs
    std::size_t fingerprint_;    ///< of the whole request
    io::Condition changed_;
    io::Timer clock_; ///< of keep_time(); cancelled when something changes
    SessionLife life_;
    SessionInput input_;
    SessionOutput out_;
    SessionOutput err_;
    std::optional<io::MemoryBudget::Share> memory_;
    std::optional<ExecProcess> process_; ///< while it runs or its outputs are read
    std::optional<Source> out_source_;
    std::optional<Source> err_source_;
    bool postponed_ = false;       ///< the clock jumped once
    std::uint64_t controller_ = 0; ///< 0: none
    std::uint64_t controllers_ = 0;
    pid_t pid_ = 0;
    SessionTime asked_;
    std::optional<proto::ExitStatus> exit_;
    std::optional<proto::SpawnFailure> failure_;
};

} // namespace rouse::exec
