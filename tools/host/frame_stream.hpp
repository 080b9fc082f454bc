#pragma once
// Frames over a connected socket, both ways.

#include "proto/frame_decoder.hpp"
#include "tools/host/async.hpp"

#include <memory>
#include <optional>

namespace rouse::host {

/// One reader at a time; any number of senders, whose frames go out in the order of the calls.
class FrameStream {
public:
    /// `received` are bytes that were already read from the socket.
    explicit FrameStream(Socket socket, std::string received = {},
                         std::size_t max_data = proto::limits::data_frame);
    FrameStream(const FrameStream&) = delete;
    FrameStream& operator=(const FrameStream&) = delete;
    /// Closes the connection.
    ~FrameStream() { close(); }

    /// The next frame; nothing at the end of the connection. Fails on a dead connection, on a
    /// refused length (which is answered with ERROR), on a frame that was cut off, and when the
    /// deadline passes, which ends the connection.
    Awaitable<Outcome<std::optional<proto::Frame>>>
    read(Clock::time_point deadline = Clock::time_point::max());

    /// Queues a frame. What cannot be sent is forgotten: the reader sees the connection's end. A
    /// peer that lets more than 1 MiB wait is left.
    void send(const proto::FrameHeader& header, std::string_view payload = {});
    /// Returns when everything queued was sent, or can no longer be, or at the deadline.
    Awaitable<> flush(Clock::time_point deadline);
    /// Bytes that wait to be sent.
    [[nodiscard]] std::size_t queued() const;

    /// From here on read() fails, also where frames were already received.
    void close();
    /// Whether read() failed because the peer sent what is no frame, not because it went away.
    [[nodiscard]] bool refused() const { return refused_; }
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const Executor& executor() const { return executor_; }

private:
    /// Reads more bytes into the decoder; whether the connection has ended in order.
    Awaitable<Outcome<bool>> receive();

    /// Owned by the write operation in flight, too, which may outlive the stream.
    struct Sender;

    Executor executor_;
    std::shared_ptr<Sender> sender_;
    proto::FrameDecoder decoder_;
    bool closed_ = false;
    bool refused_ = false;
};

} // namespace rouse::host
