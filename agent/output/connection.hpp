#pragma once
// One output connection to the host, from HELLO to the acknowledged end of the stream. A reader is
// always outstanding, so that a hang-up is seen at once; a writer sends what the book allows. A
// blocked writer never stops the reader, the filling of the pipes, or another stream.

#include "agent/output/stream_state.hpp"
#include "proto/frame.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rouse::output {

class Connection {
public:
    /// Borrows all but the socket; they outlive the connection. Start run() once.
    Connection(io::Socket socket, StreamState& state, const OutputOptions& options,
               const OutputCallbacks& callbacks);

    /// Returns when the connection is over: the end was acknowledged, the host hung up or broke
    /// the protocol, or it stalled for too long. Never throws for anything that the host does.
    io::Awaitable<> run(OutputIdentity identity);

    /// Ends the connection now; run() returns soon.
    void close();

    [[nodiscard]] io::Socket& socket() { return socket_; }
    /// Why it is over, for people; empty after an acknowledged end or close().
    [[nodiscard]] const std::string& why() const { return why_; }
    /// The host accepted the hello.
    [[nodiscard]] bool welcomed() const { return welcomed_; }
    /// A frame is on its way out.
    [[nodiscard]] bool writing() const { return writing_; }
    /// Makes the writer look again at what it waits for. For a watchdog.
    void look_again();

private:
    io::Awaitable<> read_frames();
    bool take(const proto::Frame& frame);
    bool take_welcome(const proto::Frame& frame);
    bool take_ack(const proto::Frame& frame);
    void report_below_oldest(std::uint64_t asked, std::uint64_t oldest);
    bool refuse(std::string_view kind, const proto::Problem& problem);

    io::Awaitable<> write_frames(OutputIdentity identity);
    io::Awaitable<bool> await_welcome();
    io::Awaitable<> answer();
    io::Awaitable<bool> write_control(std::string frame);
    io::Awaitable<bool> write_next();
    io::Awaitable<bool> write(RelayBook::NextFrame frame);
    io::Awaitable<bool> write_data(proto::FrameHeader header);
    io::Awaitable<bool> write_copied(proto::FrameHeader header);
    io::Awaitable<bool> write_spliced(proto::FrameHeader header);
    void written();
    io::Awaitable<bool> send_all(std::string_view bytes);
    sys::Result<std::size_t> add_to_frame(std::size_t limit);
    io::Awaitable<std::size_t> send_frame(std::size_t limit);
    io::Awaitable<bool> writable();
    bool deadline_passed();

    std::string hello(const OutputIdentity& identity);
    [[nodiscard]] std::string gap(const RelayBook::NextFrame& frame) const;
    [[nodiscard]] std::string end_of_stream(const RelayBook::NextFrame& frame) const;
    bool fail(std::string why);
    bool fail(std::string_view what, const io::error_code& error);

    io::Socket socket_;
    StreamState& state_;
    const OutputOptions& options_;
    const OutputCallbacks& callbacks_;
    io::Timer deadline_;
    bool welcomed_ = false;
    bool writing_ = false;
    bool look_again_ = false;
    std::optional<std::string> farewell_; ///< an ERROR frame to say before the end
    std::string copied_;                  ///< header and bytes of a frame that is copied
    std::string why_;
};

} // namespace rouse::output
