#pragma once
// The stdin of a session, from the client's side: what the guest has not acknowledged is kept, so
// that it can be sent again over another connection.

#include "proto/output.hpp"
#include "tools/host/frame_stream.hpp"

#include <functional>

namespace rouse::host {

/// One thread. pump() runs beside whoever reads the frames of the guest.
class ExecInput {
public:
    /// Up to `limit` bytes as soon as there are any; empty at the end.
    using Source = std::function<Awaitable<std::string>(std::size_t limit)>;
    /// What becomes of the session's stdin: `none` leaves it alone.
    enum class Kind { none, ended, from_source };

    /// Bytes that are kept at most, whatever the guest grants.
    static constexpr std::uint64_t most_kept = 256 * 1024;

    explicit ExecInput(const Executor& executor);

    /// Before anything else; `source` is used with Kind::from_source.
    void begin(Kind kind, Source source = {});
    /// Goes on over this connection, which is borrowed until disconnect(): the guest has `offset`
    /// bytes. Fails when these are not among those that are kept or were just acknowledged.
    Outcome<> connect(FrameStream& stream, std::uint64_t offset);
    void disconnect() { stream_ = nullptr; }

    /// Notes an ACK of the guest.
    void acknowledged(std::uint64_t offset, const proto::Ack& ack);
    /// Reads the source as far as the guest grants credit, to its end. Cancelled by the caller.
    Awaitable<> pump();

    /// Whether the guest has acknowledged everything and the end.
    [[nodiscard]] bool finished() const { return end_taken_; }
    [[nodiscard]] std::uint64_t offset() const { return kept_from_ + kept_.size(); }

private:
    void send();
    void forget(std::uint64_t up_to);
    [[nodiscard]] std::uint64_t room() const;

    Kind kind_ = Kind::none;
    Source source_;
    Timer changed_;                 ///< cancelled when there may be room
    FrameStream* stream_ = nullptr; ///< none: there is no connection
    std::string kept_;              ///< read, not acknowledged
    std::uint64_t kept_from_ = 0;   ///< offset of its first byte
    std::uint64_t sent_ = 0;        ///< up to here, over this connection
    std::uint64_t limit_ = 0;       ///< up to here the guest grants
    bool ended_ = false;            ///< the source is at its end
    bool end_sent_ = false;         ///< over this connection
    bool end_taken_ = false;        ///< the guest has acknowledged it
};

} // namespace rouse::host
