#pragma once
// Runs one command in a guest through an exec stream (proto/README.md, "Exec stream").

#include "proto/exec.hpp"
#include "tools/host/dialer.hpp"
#include "tools/host/frame_stream.hpp"

#include <functional>
#include <optional>

namespace rouse::host {

class Input;

/// Exactly one is set.
struct ExecEnd {
    std::optional<proto::ExitStatus> exit;
    std::optional<proto::SpawnFailure> failure;
};

class ExecClient {
public:
    /// Takes the bytes of stream 1 or 2; they count as consumed when it returns, and until then
    /// neither the other stream nor the command's exit waits for it. False when they can no longer
    /// be taken: the connection is then closed, which ends the command.
    using Sink = std::function<Awaitable<bool>(std::uint8_t stream, std::string_view bytes)>;

    /// Borrows the dialer.
    ExecClient(Dialer& dialer, Sink sink) : dialer_(dialer), sink_(std::move(sink)) {}

    /// Runs the command to its exit and to the end of both streams. `input` is sent as its stdin;
    /// without one, its stdin is at its end from the start. `deadline` bounds the time until the
    /// guest has answered, not the command. Call it once.
    Awaitable<Outcome<ExecEnd>> run(proto::ExecRequest request, Input* input,
                                    Clock::time_point deadline);

    /// Sends a signal to the process group of the command; nothing before it runs.
    void signal(int number);
    /// Closes the connection, upon which the guest ends the command.
    void abandon();

private:
    struct InputSide;
    struct OutputSide;
    struct Sides;

    Awaitable<Outcome<ExecEnd>> receive(std::shared_ptr<Sides> sides);
    Awaitable<> taken_up(OutputSide& side, const Sides& sides);
    Outcome<> take(const proto::Frame& frame, Sides& sides);
    Outcome<> take_output(const proto::Frame& frame, OutputSide& side);
    Outcome<> take_control(const proto::Frame& frame, InputSide& side);

    Dialer& dialer_;
    Sink sink_;
    std::shared_ptr<FrameStream> stream_; ///< shared with the coroutines beside the reader
    std::shared_ptr<Sides> sides_;
    ExecEnd end_;
};

} // namespace rouse::host
