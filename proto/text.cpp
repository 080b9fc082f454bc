#include "proto/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace rouse::proto {

namespace {

unsigned byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

/// Length of the sequence that starts with `lead`, or 0 where no sequence may start with it.
std::size_t sequence_length(unsigned lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

/// The second byte is where overlong forms, surrogates and too large values are excluded.
bool second_byte_fits(unsigned lead, unsigned second) {
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return second >= low && second <= high;
}

} // namespace

bool is_utf8(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
        const unsigned lead = byte_at(bytes, i);
        const std::size_t length = sequence_length(lead);
        if (length == 0 || bytes.size() - i < length) return false;
        if (length > 1 && !second_byte_fits(lead, byte_at(bytes, i + 1))) return false;
        for (std::size_t k = 2; k < length; ++k)
            if ((byte_at(bytes, i + k) & 0xC0U) != 0x80) return false;
        i += length;
    }
    return true;
}

std::string as_utf8(std::string_view bytes) {
    if (is_utf8(bytes)) return std::string(bytes);
    std::string text;
    for (const char byte : bytes)
        text += static_cast<unsigned char>(byte) < 0x80 ? std::string(1, byte) : "\xef\xbf\xbd";
    return text;
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        hex += digits[static_cast<unsigned char>(c) >> 4U];
        hex += digits[static_cast<unsigned char>(c) & 15U];
    }
    return hex;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
            return false;
    }
    return true;
}

std::string make_uuid(std::string random) {
    random.resize(16);
    random[6] = static_cast<char>((static_cast<unsigned char>(random[6]) & 0x0FU) | 0x40U);
    random[8] = static_cast<char>((static_cast<unsigned char>(random[8]) & 0x3FU) | 0x80U);
    std::string text = to_hex(random);
    for (const std::size_t position : {20U, 16U, 12U, 8U})
        text.insert(position, "-");
    return text;
}

bool lists(std::string_view list, std::string_view name) {
    while (!list.empty())
        if (split_off(list, ',') == name) return true;
    return false;
}

std::string_view split_off(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    unsigned difference = a.size() == b.size() ? 0U : 1U;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        difference |= byte_at(a, i) ^ byte_at(b, i);
    return difference == 0;
}

} // namespace rouse::proto
