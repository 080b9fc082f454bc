// Chunked bodies, cut everywhere.

#include "proto/chunked.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace rouse::proto;

TEST_CASE("a chunked body is read again wherever it was cut", "[proto]") {
    std::string body;
    std::string wire;
    for (const std::size_t size : {1U, 15U, 16U, 255U, 4096U}) {
        const std::string piece(size, static_cast<char>('a' + size % 26));
        body += piece;
        wire += encode_chunk(piece);
    }
    wire += last_chunk;
    CHECK(encode_chunk("").empty());
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        ChunkDecoder decoder;
        std::string got;
        REQUIRE(decoder.feed(std::string_view(wire).substr(0, cut), got).has_value());
        REQUIRE(decoder.ended() == (cut == wire.size()));
        REQUIRE(decoder.feed(std::string_view(wire).substr(cut), got).has_value());
        REQUIRE(decoder.ended());
        REQUIRE(got == body);
    }
}

TEST_CASE("extensions and trailers of chunks are skipped", "[proto]") {
    ChunkDecoder decoder;
    std::string got;
    REQUIRE(
        decoder.feed("3;name=value\r\nabc\r\n0\r\nExpires: never\r\n\r\nmore", got).has_value());
    CHECK(got == "abc");
    CHECK(decoder.ended());
}

TEST_CASE("what is no chunked body is a problem, also afterwards", "[proto]") {
    const std::string text = GENERATE(
        std::string("x\r\n"), std::string("-1\r\n"), std::string("\r\n"),
        std::string("3\r\nabcd\r\n"), std::string("ffffffffff\r\n"), std::string("3x\r\nabc\r\n"),
        std::string(1000, '1'), std::string("3\nabc\r\n"), std::string("3\r\nabc\n"));
    ChunkDecoder decoder;
    std::string got;
    CHECK_FALSE(decoder.feed(text, got).has_value());
    CHECK_FALSE(decoder.feed("3\r\nabc\r\n", got).has_value());
    CHECK_FALSE(decoder.ended());
}
