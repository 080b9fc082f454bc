#pragma once
// The stream form of exec: one process, one connection, frames (proto/README.md, "Exec stream").
//
//   spawn ──STARTED──▶ running ──exit: EXIT──▶ draining ──EOS 1, EOS 2──▶ unacknowledged ──▶ closed
//     │                   │                       │                            │
//     │ ERROR spawn,      └───── the client goes, or breaks the protocol ──────┘
//     ▼ EXIT 126/127, EOS             process group killed, closed
//   unacknowledged
//
// Five coroutines run at once: the reader of frames, the feeder of stdin, a pump for each output,
// and the wait for the exit. None waits for another but through the windows.

#include "agent/exec/exec_process.hpp"
#include "agent/exec/window.hpp"
#include "agent/io/frame_stream.hpp"
#include "proto/limits.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace rouse::exec {

class ExecStream {
public:
    /// How long a client may take to acknowledge the last bytes once all is said.
    static constexpr std::chrono::milliseconds close_deadline{2000};

    /// Borrows the socket until run() has ended. `received`: frames that came with the request.
    ExecStream(io::Socket& socket, std::string received);

    /// Runs the command and serves its streams until the client is done with it or gone. Whatever
    /// ends it, the process does not outlive it.
    io::Awaitable<> run(supervise::Spawner& spawner, proto::Command command, OnStart on_start);
    /// Tells the client why nothing runs, and ends.
    io::Awaitable<> refuse(std::string kind, std::string message);

    /// How the process ended, if it did while somebody was there to hear it.
    [[nodiscard]] const std::optional<proto::ExitStatus>& exit() const { return exit_; }

private:
    /// One output of the process. `taken` counts bytes that were read from the pipe.
    struct Output {
        Output(std::uint8_t number, io::Descriptor& source, const io::Executor& executor);
        std::uint8_t stream;
        io::Descriptor& pipe;
        SendWindow window{proto::limits::exec_window};
        std::uint64_t taken = 0;
        std::uint64_t at_exit = 0; ///< `taken` once all is read that was in the pipe at the exit
        bool past_linger = false;  ///< the drain deadline after the exit has passed
        io::Timer credit;          ///< cancelled when credit() or past_linger changes
    };
    enum class Took { bytes, end, nothing };

    io::Awaitable<> read_frames();
    proto::Parsed<void> accept(proto::Frame frame);
    proto::Parsed<void> accept_ack(const proto::Frame& frame);
    proto::Parsed<void> accept_signal(const proto::Frame& frame);
    io::Awaitable<> feed_input();
    io::Awaitable<> feed_once();
    void close_input();
    void discard_input();
    io::Awaitable<> pump(Output& output);
    io::Awaitable<> await_readable(Output& output);
    Took take(Output& output, std::string& frame);
    io::Awaitable<> report_exit();
    io::Awaitable<> linger();
    io::Awaitable<> serve_process();
    io::Awaitable<> serve_failure(const proto::SpawnFailure& failure);
    io::Awaitable<> await_acknowledged();
    void note_exit(Output& output);
    void note_linger(Output& output);
    void post_json(proto::FrameType type, const boost::json::value& document);
    void post_end(const Output& output, proto::EndOfStream::How how);
    [[nodiscard]] static bool is_over(const Output& output);

    io::Socket& socket_;
    io::FrameStream frames_;
    ExecProcess process_;
    Output out_;
    Output err_;
    ReceiveWindow input_window_{proto::limits::exec_window};
    std::string input_;      ///< received, not yet written to the process
    io::Timer input_ready_;  ///< cancelled when input_ or the end of input arrives
    io::Timer acknowledged_; ///< cancelled at each ACK
    std::optional<proto::ExitStatus> exit_;
    bool broken_ = false; ///< the client broke the protocol, and an ERROR says how
};

} // namespace rouse::exec
