#pragma once
// One client at a session: its frames, its place in each output, its credit (proto/README.md, "Exec
// stream" and "Sessions").
//
//   not started yet ──▶ STARTED ──▶ streams ──exit: EXIT──▶ EOS 1, EOS 2 ──▶ unacknowledged ──▶
//   closed
//     │ ERROR spawn, EXIT 126/127, EOS                                              ▲
//     └─────────────────────────────────────────────────────────────────────────────┘
//   From everywhere to closed: the client goes, breaks the protocol, detaches, or another takes
//   control.
//
// The reader, a sender for each output, the exit and the acknowledgements of stdin are coroutines
// of their own: none waits for another but through the session and the windows.

#include "agent/exec/attachable.hpp"
#include "agent/exec/window.hpp"
#include "agent/io/frame_stream.hpp"
#include "proto/session.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace rouse::exec {

class SessionStream {
public:
    /// How long a client may take to acknowledge the last bytes once all is said.
    static constexpr std::chrono::milliseconds close_deadline{2000};

    /// Takes control of the session when `place` asks for it. Borrows the socket until run() has
    /// ended. `received`: frames that came with the request. `place` may ask for bytes that are no
    /// longer kept, not for bytes that were never written.
    SessionStream(std::shared_ptr<Attachable> session, io::Socket& socket, std::string received,
                  const proto::AttachRequest& place);
    SessionStream(const SessionStream&) = delete;
    SessionStream& operator=(const SessionStream&) = delete;
    SessionStream(SessionStream&&) = delete;
    SessionStream& operator=(SessionStream&&) = delete;
    /// The session learns that this client is gone.
    ~SessionStream();

    /// Serves the client until it has everything or is gone.
    io::Awaitable<> run();

    /// Tells a client why there is no session for it, and ends.
    static io::Awaitable<> refuse(io::Socket& socket, std::string kind, std::string message);

private:
    /// Where the client is in one output.
    struct Place {
        std::uint8_t stream;
        SendWindow window;
    };

    Place place_in(std::uint8_t stream, const std::optional<std::uint64_t>& wanted) const;
    [[nodiscard]] bool controls() const;
    // session_stream.cpp
    io::Awaitable<> serve();
    io::Awaitable<> await_start();
    io::Awaitable<> send_output(Place& place);
    sys::Result<std::string> next_frame(Place& place);
    static std::string gap_frame(Place& place, std::uint64_t count);
    [[nodiscard]] bool has_ended(const Place& place) const;
    [[nodiscard]] bool exit_is_due() const;
    io::Awaitable<> send_exit();
    io::Awaitable<> acknowledge_input();
    io::Awaitable<> await_acknowledged();
    io::Awaitable<> await_replaced();
    void post_started();
    void post_failure();
    void post_end(const Place& place, const proto::EndOfStream& end);
    void post_json(proto::FrameType type, const boost::json::value& document);
    void post_error(std::string kind, std::string message);
    // session_stream_reader.cpp
    io::Awaitable<> read_frames();
    /// False: the stream ends after this frame.
    bool take(const proto::Frame& frame);
    proto::Parsed<void> accept(const proto::Frame& frame);
    proto::Parsed<void> accept_input(const proto::Frame& frame);
    proto::Parsed<void> accept_ack(const proto::Frame& frame);
    proto::Parsed<void> accept_signal(const proto::Frame& frame);
    proto::Parsed<void> accept_resize(const proto::Frame& frame);

    std::shared_ptr<Attachable> session_;
    io::FrameStream frames_;
    bool wants_control_;
    std::uint64_t control_ = 0; ///< our number as controller; 0: we only look
    Place out_;
    Place err_;
    bool last_words_ = false; ///< an ERROR or a DETACH is still to be sent
};

} // namespace rouse::exec
