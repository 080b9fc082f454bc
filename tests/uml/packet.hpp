#pragma once
// One packet of virtio-vsock. Source: virtio 1.2, section 5.10; linux/virtio_vsock.h.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rouse::uml {

enum class Op : std::uint16_t {
    invalid = 0,
    request = 1,
    response = 2,
    rst = 3,
    shutdown = 4,
    rw = 5,
    credit_update = 6,
    credit_request = 7,
};

[[nodiscard]] std::string_view name(Op op);

/// Flags of SHUTDOWN: what the sender will not do any more.
constexpr std::uint32_t shutdown_receive = 1;
constexpr std::uint32_t shutdown_send = 2;
constexpr std::uint32_t shutdown_both = shutdown_receive | shutdown_send;

constexpr std::uint64_t host_cid = 2;
constexpr std::uint16_t stream_type = 1;

struct PacketHeader {
    static constexpr std::size_t size = 44;

    std::uint64_t source_cid = 0;
    std::uint64_t destination_cid = 0;
    std::uint32_t source_port = 0;
    std::uint32_t destination_port = 0;
    std::uint32_t length = 0; ///< bytes of payload
    std::uint16_t type = stream_type;
    Op op = Op::invalid;
    std::uint32_t flags = 0;
    std::uint32_t buffer = 0;    ///< buf_alloc: the sender's whole receive buffer
    std::uint32_t forwarded = 0; ///< fwd_cnt: bytes that the sender has consumed so far

    friend bool operator==(const PacketHeader&, const PacketHeader&) = default;
};

/// The 44 bytes on the wire, all little-endian.
[[nodiscard]] std::array<char, PacketHeader::size> encode(const PacketHeader& header);
[[nodiscard]] PacketHeader decode(std::span<const char, PacketHeader::size> bytes);

/// The two ports of a connection; which of them is a source depends on the direction.
struct Ports {
    std::uint32_t host = 0;
    std::uint32_t guest = 0;

    friend auto operator<=>(const Ports&, const Ports&) = default;
};

enum class Direction { from_guest, to_guest };

struct Packet {
    PacketHeader header;
    std::string payload;

    [[nodiscard]] Ports ports(Direction direction) const {
        return direction == Direction::from_guest
                   ? Ports{.host = header.destination_port, .guest = header.source_port}
                   : Ports{.host = header.source_port, .guest = header.destination_port};
    }
    [[nodiscard]] bool is(Op op) const { return header.op == op; }
};

} // namespace rouse::uml
