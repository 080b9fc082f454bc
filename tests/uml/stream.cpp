#include "tests/uml/stream.hpp"

namespace rouse::uml {

bool Stream::take(const PacketHeader& header) {
    peer_buffer_ = header.buffer;
    peer_forwarded_ = header.forwarded;
    switch (header.op) {
    case Op::response:
        if (state_ == State::requested) state_ = State::open;
        break;
    case Op::rst:
        state_ = State::over;
        break;
    case Op::shutdown:
        shutdown_ |= header.flags;
        if (state_ == State::open && (shutdown_ & shutdown_both) == shutdown_both)
            state_ = State::shut;
        break;
    case Op::rw:
        received_ += header.length;
        return received_ - forwarded_ <= buffer_;
    default:
        break;
    }
    return true;
}

std::uint32_t Stream::credit() const {
    const std::uint32_t in_flight = sent_ - peer_forwarded_;
    return in_flight < peer_buffer_ ? peer_buffer_ - in_flight : 0;
}

Packet Stream::data(std::string bytes) {
    Packet packet = control(Op::rw);
    packet.header.length = static_cast<std::uint32_t>(bytes.size());
    packet.payload = std::move(bytes);
    sent_ += packet.header.length;
    return packet;
}

Packet Stream::control(Op op, std::uint32_t flags) {
    Packet packet;
    packet.header.source_cid = host_cid;
    packet.header.source_port = ports_.host;
    packet.header.destination_port = ports_.guest;
    packet.header.op = op;
    packet.header.flags = flags;
    packet.header.buffer = buffer_;
    packet.header.forwarded = forwarded_;
    told_ = forwarded_;
    return packet;
}

std::optional<Packet> Stream::consumed(std::uint32_t bytes) {
    forwarded_ += bytes;
    // Told each quarter of the buffer: a guest that waits for credit has used at least three.
    if (state_ != State::open || forwarded_ - told_ < buffer_ / 4) return std::nullopt;
    return credit_update();
}

Packet Stream::credit_update() {
    return control(Op::credit_update);
}

} // namespace rouse::uml
