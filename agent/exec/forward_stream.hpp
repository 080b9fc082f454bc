#pragma once
// A stream to a port or a socket of the guest (proto/README.md, "Forward").
//
//   connecting ──STARTED──▶ both ways ──EOS 0──▶ ◀──EOS 1──▶ both ended, acknowledged: closed
//       │                       │
//       └─ERROR connect         └─ERROR reset: the target broke off
//
// Three coroutines: the reader of frames, the feeder of the target and the pump from it. None waits
// for another but through the windows.

#include "agent/exec/window.hpp"
#include "agent/io/frame_stream.hpp"
#include "proto/forward.hpp"
#include "proto/limits.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace rouse::exec {

class ForwardStream {
public:
    /// How long a client may take to acknowledge the end.
    static constexpr std::chrono::milliseconds close_deadline{2000};

    /// Borrows the socket until run() has ended. `received`: frames that came with the request.
    ForwardStream(io::Socket& socket, std::string received);

    /// Connects and carries bytes until both directions have ended, or the client is gone.
    io::Awaitable<> run(proto::ForwardRequest request);
    /// Tells the client why there is no stream, and ends.
    io::Awaitable<> refuse(std::string kind, std::string message);

private:
    enum class Took { bytes, end, nothing };

    io::Awaitable<bool> connect(const proto::ForwardRequest& request);
    io::Awaitable<> read_frames();
    proto::Parsed<void> accept(const proto::Frame& frame);
    io::Awaitable<> carry();
    io::Awaitable<> feed();
    bool feed_once();
    io::Awaitable<> pump();
    Took take(std::string& frame);
    io::Awaitable<> await_acknowledged();
    io::Awaitable<> flush();
    void post(proto::FrameType type, const boost::json::value& document);
    void break_off(std::string kind, std::string message);

    io::Socket& socket_;
    io::FrameStream frames_;
    io::Socket target_;
    ReceiveWindow input_window_{proto::limits::exec_window};
    SendWindow output_window_{proto::limits::exec_window};
    std::string input_;     ///< received, not yet written to the target
    io::Timer input_ready_; ///< cancelled when input_ or the end of input arrives
    io::Timer credit_;      ///< cancelled at each ACK
    bool broken_ = false;   ///< an ERROR says how
};

} // namespace rouse::exec
