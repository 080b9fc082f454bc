// Frames: layout, limits, and how a stream of bytes is cut into them.
#include "proto/frame_decoder.hpp"

#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace rouse::proto;

namespace {

constexpr std::size_t data_limit = limits::data_frame;
constexpr std::size_t control_limit = limits::control_frame;

FrameHeader header_of(FrameType type, std::size_t length) {
    FrameHeader header;
    header.type = type;
    header.length = static_cast<std::uint32_t>(length);
    return header;
}

} // namespace

TEST_CASE("a header is sixteen bytes, little-endian", "[proto]") {
    FrameHeader header;
    header.type = FrameType::ack;
    header.stream = 2;
    header.flags = 0x0102;
    header.length = 0x03040506;
    header.offset = 0x0708090a0b0c0d0e;
    const auto bytes = encode(header);
    const std::string expected = "\x04\x02\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07";
    REQUIRE(std::string(bytes.data(), bytes.size()) == expected);
    REQUIRE(decode(bytes) == header);
}

TEST_CASE("every length up to the limit of its kind is accepted, none above", "[proto]") {
    for (unsigned type = 0; type < 256; ++type) {
        const auto kind = static_cast<FrameType>(type);
        const std::size_t limit = kind == FrameType::data ? data_limit : control_limit;
        for (const std::size_t length : {std::size_t{0}, std::size_t{1}, limit - 1, limit})
            REQUIRE(check(header_of(kind, length)).has_value());
        for (const std::size_t length : {limit + 1, std::size_t{UINT32_MAX}})
            REQUIRE(check(header_of(kind, length)).has_error());
    }
}

TEST_CASE("a negotiated frame size replaces the default for data only", "[proto]") {
    REQUIRE(check(header_of(FrameType::data, 4096), 4096).has_value());
    REQUIRE(check(header_of(FrameType::data, 4097), 4096).has_error());
    REQUIRE(check(header_of(FrameType::eos, 4097), 4096).has_value());
}

TEST_CASE("a refused length names the frame and the limit", "[proto]") {
    const Parsed<void> checked = check(header_of(FrameType::data, data_limit + 1));
    REQUIRE(checked.error().message() == "DATA frame: length 28673 is above the limit of 28672");
}

TEST_CASE("frames come out whole however their bytes arrive", "[proto]") {
    std::string wire;
    std::vector<std::string> sent;
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{15}, data_limit}) {
        sent.emplace_back(length, static_cast<char>('a' + sent.size()));
        wire += encode(header_of(FrameType::data, 0), sent.back());
    }
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{16}, wire.size()}) {
        FrameDecoder decoder;
        std::vector<std::string> received;
        for (std::size_t at = 0; at < wire.size(); at += step) {
            decoder.append(std::string_view(wire).substr(at, step));
            for (auto next = decoder.next(); next.value(); next = decoder.next())
                received.push_back((*next)->payload);
        }
        REQUIRE(received == sent);
        REQUIRE(decoder.pending() == 0);
    }
}

TEST_CASE("every payload length around each limit survives the way there and back", "[proto]") {
    for (const std::size_t limit : {std::size_t{2}, data_limit, control_limit})
        for (std::size_t length = limit - 2; length <= limit; ++length) {
            FrameDecoder decoder(control_limit);
            decoder.append(encode(header_of(FrameType::data, 0), std::string(length, 'x')));
            const auto frame = decoder.next();
            REQUIRE((*frame)->payload.size() == length);
            REQUIRE((*frame)->header.length == length);
        }
}

TEST_CASE("a refused length is found before its payload arrives", "[proto]") {
    FrameDecoder decoder;
    const auto bytes = encode(header_of(FrameType::data, data_limit + 1));
    decoder.append(std::string_view(bytes.data(), bytes.size()));
    REQUIRE(decoder.next().has_error());
}

TEST_CASE("an unfinished frame is pending", "[proto]") {
    FrameDecoder decoder;
    const std::string wire = encode(header_of(FrameType::eos, 0), "{}");
    decoder.append(std::string_view(wire).substr(0, wire.size() - 1));
    REQUIRE_FALSE(decoder.next().value().has_value());
    REQUIRE(decoder.pending() == wire.size() - 1);
}

TEST_CASE("a frame of an unknown type comes out like any other, to be skipped", "[proto]") {
    FrameDecoder decoder;
    decoder.append(encode(header_of(static_cast<FrameType>(200), 0), "future"));
    const auto frame = decoder.next();
    REQUIRE((*frame)->payload == "future");
    REQUIRE(name((*frame)->header.type) == "unknown");
}

TEST_CASE("every type of version 1 has a name of its own", "[proto]") {
    std::vector<std::string_view> names;
    for (unsigned type = 1; type <= 16; ++type) {
        const std::string_view one = name(static_cast<FrameType>(type));
        REQUIRE(one != "unknown");
        for (const std::string_view other : names)
            REQUIRE(one != other);
        names.push_back(one);
    }
}
