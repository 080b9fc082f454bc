#pragma once
// Frames over a socket: one reader, and a writer that never makes the reader wait.

#include "agent/io/async.hpp"
#include "proto/frame_decoder.hpp"

#include <memory>
#include <string>
#include <variant>

namespace rouse::io {

/// Nothing more can be read.
struct StreamEnd {
    error_code error;        ///< asio::error::eof when the peer closed, else what broke
    std::size_t cut_off = 0; ///< bytes of a frame that was not finished
};

/// A frame, the end, or a frame that the decoder refused: after the latter two there is no next.
using FrameRead = std::variant<proto::Frame, StreamEnd, proto::Problem>;

/// Control frames go ahead of data that waits; what is on its way is finished first.
enum class Priority { control, data };

/// One thread. Borrows the socket, which must outlive the object. Destroying it while frames wait
/// drops them; the one that is on its way may be cut.
class FrameStream {
public:
    /// Frames that wait may hold so many bytes; a peer that makes us answer but does not read gets
    /// no more than this.
    static constexpr std::size_t queue_limit = 512 * 1024;

    /// `received`: bytes of the stream that were read already. `max_data`: see FrameDecoder.
    explicit FrameStream(Socket& socket, std::string received = {},
                         std::size_t max_data = proto::limits::data_frame);
    FrameStream(const FrameStream&) = delete;
    FrameStream& operator=(const FrameStream&) = delete;
    FrameStream(FrameStream&&) = delete;
    FrameStream& operator=(FrameStream&&) = delete;
    ~FrameStream();

    /// The next frame. One reader at a time.
    Awaitable<FrameRead> read();

    /// Queues one or more whole frames and returns at once. Beyond queue_limit, and after a failed
    /// write, the frames are dropped, write() and flush() say why, and the reader sees the end.
    void post(std::string frames, Priority priority = Priority::control);

    /// Posts the PONG of a PING.
    void answer_ping(const proto::Frame& ping);

    /// Queues and waits until the kernel took the bytes. Several may write; each priority keeps its
    /// order. Cancelled: the frames stay queued. Errors: those of send(2), ENOBUFS beyond
    /// queue_limit.
    Awaitable<error_code> write(std::string frames, Priority priority = Priority::data);

    /// Waits until everything that was queued before has been written or has failed.
    Awaitable<error_code> flush();

    /// Bytes that wait or are on their way.
    [[nodiscard]] std::size_t queued() const;

private:
    class Writer;

    Socket& socket_;
    proto::FrameDecoder decoder_;
    std::shared_ptr<Writer> writer_; ///< shared with the write that is on its way
};

} // namespace rouse::io
