#pragma once
// The one frame layout of link, output and exec streams: a fixed header of 16 bytes, little-endian,
// then the payload. proto/README.md is normative; its examples are replayed by a test.

#include "proto/limits.hpp"
#include "proto/problem.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rouse::proto {

inline constexpr int protocol_version = 1;
inline constexpr std::string_view exec_upgrade_token = "rouse-stream.v1";
inline constexpr std::size_t frame_header_size = 16;

enum class FrameType : std::uint8_t {
    hello = 1,   ///< first frame of a guest-dialled connection
    welcome = 2, ///< host's answer on an output connection
    data = 3,    ///< bytes of a stream; `offset` is that of the first one
    ack = 4,     ///< `offset` bytes are consumed; carries the window
    eos = 5,     ///< end of stream; `offset` is the stream's length
    dropped = 6, ///< a marked gap that begins at `offset`
    started = 7, ///< the process of an exec stream runs
    resize = 8,  ///< terminal size
    signal = 9,  ///< signal for the session's process group
    exit = 10,   ///< exit status
    event = 11,  ///< something happened in the guest
    error = 12,  ///< why this connection ends, or why a process did not start
    ping = 13,   ///< are you there; answered by pong with the same payload
    pong = 14,
    hello_ack = 15, ///< host's answer on the link: generation and restore document
    confirm = 16,   ///< the guest applied the document; carries the report
    detach = 17,    ///< the client leaves on purpose; the guest repeats it and closes
};

/// Stream numbers are descriptor numbers; frames that belong to no stream say `none`.
namespace stream_id {
inline constexpr std::uint8_t in = 0;
inline constexpr std::uint8_t out = 1;
inline constexpr std::uint8_t err = 2;
inline constexpr std::uint8_t none = 255;
} // namespace stream_id

namespace frame_flag {
/// The receiver acknowledges at once instead of waiting for more.
inline constexpr std::uint16_t ack_now = 1U << 0;
} // namespace frame_flag

struct FrameHeader {
    FrameType type = FrameType::data;
    std::uint8_t stream = stream_id::none;
    std::uint16_t flags = 0;
    std::uint32_t length = 0; ///< payload bytes that follow
    std::uint64_t offset = 0; ///< stream offset in bytes; 0 where it means nothing

    friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

struct Frame {
    FrameHeader header;
    std::string payload;

    friend bool operator==(const Frame&, const Frame&) = default;
};

/// The 16 bytes of `header` as they go over the wire.
std::array<char, frame_header_size> encode(const FrameHeader& header);

/// Reads a header. Any 16 bytes are a header; whether it is acceptable is check()'s question.
FrameHeader decode(std::span<const char, frame_header_size> bytes);

/// Refuses a length above the limit of its kind: `max_data` for data, 64 KiB for everything else.
/// Called before anything is allocated for the payload.
Parsed<void> check(const FrameHeader& header, std::size_t max_data = limits::data_frame);

/// Header and payload as one string; sets header.length from the payload.
std::string encode(FrameHeader header, std::string_view payload);

/// The field's name of a type; "unknown" for numbers that this version does not know.
std::string_view name(FrameType type);

} // namespace rouse::proto
