#pragma once
// The host's side of one vsock connection: who has sent and consumed how much, and what is to be
// said about it. Pure arithmetic, no I/O. Source: virtio 1.2, 5.10.6.3 (buffer space management).
//
//   requested ──RESPONSE──▶ open ──SHUTDOWN of both directions──▶ shut ──RST──▶ over
//        └──────RST──────────┴───────────────────RST────────────────────────────▶ over

#include "tests/uml/packet.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace rouse::uml {

class Stream {
public:
    enum class State { requested, open, shut, over };

    /// `buffer`: bytes that the guest may send before any is consumed. The guest has asked for the
    /// connection (state open, to be answered by RESPONSE) or will be asked (requested).
    Stream(Ports ports, std::uint32_t buffer, State state)
        : ports_(ports), buffer_(buffer), state_(state) {}

    [[nodiscard]] Ports ports() const { return ports_; }
    [[nodiscard]] State state() const { return state_; }
    /// Nothing is to be said about it any more.
    void finish() { state_ = State::over; }

    /// Takes what a packet of the guest says about state and credit; its bytes are the caller's.
    /// False when the guest breaks the rules: more bytes than it had credit for.
    [[nodiscard]] bool take(const PacketHeader& header);

    /// How many bytes the guest has room for.
    [[nodiscard]] std::uint32_t credit() const;
    /// At most credit() bytes for the guest.
    [[nodiscard]] Packet data(std::string bytes);
    /// A packet without payload.
    [[nodiscard]] Packet control(Op op, std::uint32_t flags = 0);

    /// `bytes` have reached whoever reads here. CREDIT_UPDATE when the guest should know.
    [[nodiscard]] std::optional<Packet> consumed(std::uint32_t bytes);
    /// The answer to CREDIT_REQUEST.
    [[nodiscard]] Packet credit_update();

private:
    Ports ports_;
    std::uint32_t buffer_;
    State state_;
    std::uint32_t shutdown_ = 0;  ///< flags that the guest has said so far
    std::uint32_t received_ = 0;  ///< these counters wrap around, as on the wire
    std::uint32_t forwarded_ = 0; ///< consumed here
    std::uint32_t told_ = 0;      ///< the forwarded_ that the guest was told last
    std::uint32_t sent_ = 0;
    std::uint32_t peer_buffer_ = 0;
    std::uint32_t peer_forwarded_ = 0;
};

} // namespace rouse::uml
