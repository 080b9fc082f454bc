#pragma once
// One exec session: a process, what is kept of its outputs, what waits for its stdin, and its life.
// Clients come and go (session_stream.hpp); the session outlives them.

#include "agent/exec/attachable.hpp"
#include "agent/exec/control.hpp"
#include "agent/exec/exec_process.hpp"
#include "agent/exec/session_life.hpp"
#include "agent/exec/session_output.hpp"
#include "agent/io/memory_budget.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rouse::exec {

/// What the client asked for: its answer at the end, a stream of frames, or nothing but the start.
enum class Form { captured, stream, detached };

class Session : public Attachable {
public:
    /// `id` names it among all sessions. Borrows the budget.
    Session(const io::Executor& executor, std::string id, proto::ExecRequest request, Form form,
            io::MemoryBudget& budget);

    /// Starts the process and serves it until it has exited and its outputs are over, or until it
    /// could not be started. Cancelled: the process is killed. Call it once.
    io::Awaitable<> run(supervise::Spawner& spawner, OnStart on_start);

    /// Whether a client that comes with this request means this session.
    [[nodiscard]] bool is_for(const proto::ExecRequest& request, Form form) const;

    /// Nobody is waited for any more: the agent ends.
    void abandon();

    // Attachable
    [[nodiscard]] const std::string& id() const override { return id_; }
    [[nodiscard]] io::Condition& changed() override { return changed_; }
    [[nodiscard]] bool is_starting() const override;
    [[nodiscard]] pid_t pid() const override { return pid_; }
    [[nodiscard]] bool has_terminal() const override { return request_.session.tty.has_value(); }
    [[nodiscard]] const std::optional<proto::ExitStatus>& exit() const override { return exit_; }
    [[nodiscard]] const std::optional<proto::SpawnFailure>& failure() const override {
        return failure_;
    }
    [[nodiscard]] OutputState output_state(std::uint8_t stream) const override;
    sys::Result<OutputPiece> piece(std::uint8_t stream, std::uint64_t from,
                                   std::size_t limit) override;
    void begin_at(std::uint8_t stream, std::uint64_t offset) override;
    void release(std::uint8_t stream, std::uint64_t offset) override;
    std::uint64_t take_control() override;
    [[nodiscard]] bool is_controller(std::uint64_t number) const override {
        return control_.is_held_by(number);
    }
    void leave(std::uint64_t number) override;
    void detach(std::uint64_t number) override;
    void add_reader() override { ++readers_; }
    void remove_reader() override { --readers_; }
    sys::Result<> signal(int number) override;
    sys::Result<> resize(const proto::TerminalSize& size) override;
    [[nodiscard]] SessionInput& input() override { return input_; }

    [[nodiscard]] Form form() const { return form_; }
    [[nodiscard]] const std::string& program() const { return program_; }
    [[nodiscard]] const SessionLife& life() const { return life_; }
    [[nodiscard]] const SessionOutput& output(std::uint8_t stream) const;
    /// The process has exited, and all is taken that was in its pipes then; or it never ran.
    [[nodiscard]] bool has_result() const;
    io::Awaitable<> wait_result();
    [[nodiscard]] proto::ExecResult result() const;
    [[nodiscard]] proto::SessionDocument document() const;

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
    Control control_;
    std::uint64_t readers_ = 0; ///< streams that only look
    pid_t pid_ = 0;
    SessionTime asked_;
    std::optional<proto::ExitStatus> exit_;
    std::optional<proto::SpawnFailure> failure_;
};

} // namespace rouse::exec
