// Text and base64: tables of what is right and what is not.
#include "proto/base64.hpp"
#include "proto/text.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>

using namespace rouse::proto;
using namespace std::string_literals;

TEST_CASE("base64 agrees with the test vectors of RFC 4648", "[proto]") {
    constexpr std::array<std::array<const char*, 2>, 7> vectors = {{{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}}};
    for (const auto& [bytes, text] : vectors) {
        REQUIRE(to_base64(bytes) == text);
        REQUIRE(from_base64(text).value() == bytes);
    }
}

TEST_CASE("every byte survives base64", "[proto]") {
    std::string bytes;
    for (int value = 0; value < 256; ++value)
        bytes += static_cast<char>(value);
    for (std::size_t length = 0; length <= bytes.size(); ++length)
        REQUIRE(from_base64(to_base64(bytes.substr(0, length))).value() == bytes.substr(0, length));
}

TEST_CASE("base64 that is not base64 is refused", "[proto]") {
    for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm8=Zm8=", "Zm 8", "Zm-_",
                             "=Zg=", "Zg=a", "Zm9v\n"})
        REQUIRE(from_base64(text).has_error());
}

TEST_CASE("a list has the whole words between its commas", "[proto]") {
    for (const char* list : {"two", "one,two", "two,three", "one,two,three", ",two,"})
        REQUIRE(lists(list, "two"));
    for (const char* list : {"", ",", "twofold", "one,tw", "one two", "one,, two"})
        REQUIRE_FALSE(lists(list, "two"));
}

TEST_CASE("well-formed UTF-8 is told from what is not", "[proto]") {
    for (const std::string& good :
         {""s, "a"s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
          "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s})
        REQUIRE(is_utf8(good));
    for (const std::string& bad :
         {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x41"s, "\xe0\x9f\xbf"s,
          "\xed\xa0\x80"s, "\xe2\x82"s, "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s,
          "\xf5\x80\x80\x80"s, "\xf0\x90\x80"s, "\xff"s, "\xe2\x82\x41"s})
        REQUIRE_FALSE(is_utf8(bad));
}

TEST_CASE("a made UUID is of version 4 and is a UUID", "[proto]") {
    const std::string made = make_uuid(std::string(16, '\xff'));
    REQUIRE(made == "ffffffff-ffff-4fff-bfff-ffffffffffff");
    REQUIRE(is_uuid(made));
    for (const char* text :
         {"", "ffffffff-ffff-4fff-bfff-fffffffffff", "../../../../etc/passwd",
          "ffffffffffff-4fff-bfff-ffffffffffff-", "gfffffff-ffff-4fff-bfff-ffffffffffff"})
        REQUIRE_FALSE(is_uuid(text));
}

TEST_CASE("the constant-time comparison compares", "[proto]") {
    REQUIRE(equal_constant_time("", ""));
    REQUIRE(equal_constant_time("key", "key"));
    for (const char* other : {"", "k", "kez", "Key", "keyy"})
        REQUIRE_FALSE(equal_constant_time("key", other));
}

TEST_CASE("hexadecimal is lower-case and two digits a byte", "[proto]") {
    REQUIRE(to_hex("\x00\x0f\xa0\xff"s) == "000fa0ff");
}

TEST_CASE("bytes that are no UTF-8 are told apart in a document all the same", "[proto]") {
    REQUIRE(as_utf8("a\xff\xc3\xa9") == "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    REQUIRE(as_utf8("\xc3\xa9") == "\xc3\xa9");
}
