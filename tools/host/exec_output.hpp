#pragma once
// One output of a session, from the client's side: each byte is handed on once, whatever connection
// brought it.

#include "proto/frame.hpp"
#include "tools/host/frame_stream.hpp"

#include <functional>

namespace rouse::host {

/// One thread. drain() runs beside whoever reads the frames of the guest.
class ExecOutput {
public:
    /// Takes bytes of stream 1 or 2; they count as consumed when it returns. False when they can no
    /// longer be taken.
    using Sink = std::function<Awaitable<bool>(std::uint8_t stream, std::string_view bytes)>;

    ExecOutput(const Executor& executor, std::uint8_t number, Sink sink);

    /// Goes on over this connection, which is borrowed until disconnect(): the guest sends from
    /// `offset` on. Returns how many bytes are lost before that.
    std::uint64_t connect(FrameStream& stream, std::uint64_t offset);
    void disconnect() { stream_ = nullptr; }
    /// Begins at `offset`: nothing before it is wanted.
    void begin_at(std::uint64_t offset);

    /// Takes a DATA frame; what is there already is left out. Fails on a hole and beyond the
    /// window.
    Outcome<> data(const proto::Frame& frame);
    /// Takes DROPPED: how many bytes are newly lost.
    std::uint64_t dropped(std::uint64_t offset, std::uint64_t count);
    /// Takes EOS. Fails when bytes before it are missing.
    Outcome<> end(std::uint64_t offset);

    /// Hands everything to the sink until the end of the stream. Cancelled by the caller.
    Awaitable<> drain();
    /// Returns when everything up to the end was taken, or nothing more can be.
    Awaitable<> settled();

    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] bool ended() const { return ended_; }     ///< EOS came
    [[nodiscard]] bool done() const { return done_; }       ///< and all before it was taken
    [[nodiscard]] bool refused() const { return refused_; } ///< the sink takes no more

private:
    void acknowledge();
    void acknowledge_if_due(bool at_once);

    std::uint8_t number_;
    Sink sink_;
    Timer changed_;                 ///< cancelled when something came, and when it was taken
    FrameStream* stream_ = nullptr; ///< none: there is no connection
    std::string queue_;
    std::uint64_t received_ = 0;
    std::uint64_t consumed_ = 0;
    std::uint64_t acknowledged_ = 0; ///< over this connection, or where it began
    bool ack_now_ = false;
    bool ended_ = false;
    bool done_ = false;
    bool refused_ = false;
};

} // namespace rouse::host
