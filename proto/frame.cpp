#include "proto/frame.hpp"

#include <fmt/format.h>

namespace rouse::proto {

namespace {

template <typename T>
void store(std::span<char> out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

template <typename T>
T load(std::span<const char> in) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(
            value | static_cast<T>(static_cast<T>(static_cast<unsigned char>(in[i])) << (8 * i)));
    return value;
}

} // namespace

std::array<char, frame_header_size> encode(const FrameHeader& header) {
    std::array<char, frame_header_size> bytes{};
    const std::span<char> out(bytes);
    out[0] = static_cast<char>(header.type);
    out[1] = static_cast<char>(header.stream);
    store<std::uint16_t>(out.subspan(2, 2), header.flags);
    store<std::uint32_t>(out.subspan(4, 4), header.length);
    store<std::uint64_t>(out.subspan(8, 8), header.offset);
    return bytes;
}

FrameHeader decode(std::span<const char, frame_header_size> bytes) {
    const std::span<const char> in(bytes);
    return {.type = static_cast<FrameType>(in[0]),
            .stream = static_cast<std::uint8_t>(in[1]),
            .flags = load<std::uint16_t>(in.subspan(2, 2)),
            .length = load<std::uint32_t>(in.subspan(4, 4)),
            .offset = load<std::uint64_t>(in.subspan(8, 8))};
}

Parsed<void> check(const FrameHeader& header, std::size_t max_data) {
    const bool is_data = header.type == FrameType::data;
    const std::size_t limit = is_data ? max_data : limits::control_frame;
    if (header.length > limit)
        return Problem{fmt::format("{} frame", name(header.type)),
                       fmt::format("length {} is above the limit of {}", header.length, limit)};
    return {};
}

std::string encode(FrameHeader header, std::string_view payload) {
    header.length = static_cast<std::uint32_t>(payload.size());
    const auto bytes = encode(header);
    std::string frame(bytes.data(), bytes.size());
    frame.append(payload);
    return frame;
}

std::string_view name(FrameType type) {
    switch (type) {
    case FrameType::hello:
        return "HELLO";
    case FrameType::welcome:
        return "WELCOME";
    case FrameType::data:
        return "DATA";
    case FrameType::ack:
        return "ACK";
    case FrameType::eos:
        return "EOS";
    case FrameType::dropped:
        return "DROPPED";
    case FrameType::started:
        return "STARTED";
    case FrameType::resize:
        return "RESIZE";
    case FrameType::signal:
        return "SIGNAL";
    case FrameType::exit:
        return "EXIT";
    case FrameType::event:
        return "EVENT";
    case FrameType::error:
        return "ERROR";
    case FrameType::ping:
        return "PING";
    case FrameType::pong:
        return "PONG";
    case FrameType::hello_ack:
        return "HELLO_ACK";
    case FrameType::confirm:
        return "CONFIRM";
    case FrameType::detach:
        return "DETACH";
    }
    return "unknown";
}

} // namespace rouse::proto
