#include "proto/base64.hpp"

#include <array>
#include <cstdint>

namespace rouse::proto {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint32_t byte_or_zero(std::string_view bytes, std::size_t index) {
    return index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0U;
}

} // namespace

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::uint32_t group = byte_or_zero(bytes, i) << 16U |
                                    byte_or_zero(bytes, i + 1) << 8U | byte_or_zero(bytes, i + 2);
        text += alphabet[group >> 18U & 63U];
        text += alphabet[group >> 12U & 63U];
        text += i + 1 < bytes.size() ? alphabet[group >> 6U & 63U] : '=';
        text += i + 2 < bytes.size() ? alphabet[group & 63U] : '=';
    }
    return text;
}

Parsed<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        return Problem{"", "base64 text must have a multiple of 4 characters"};
    const std::size_t padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_padding = i >= text.size() - padding;
        const std::size_t value = is_padding ? 0 : alphabet.find(text[i]);
        if (value == std::string_view::npos)
            return Problem{"", "not a base64 character at position " + std::to_string(i)};
        group = group << 6U | static_cast<std::uint32_t>(value);
        if (i % 4 != 3) continue;
        for (const unsigned shift : {16U, 8U, 0U})
            bytes += static_cast<char>(static_cast<unsigned char>(group >> shift & 255U));
        group = 0;
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

} // namespace rouse::proto
