#include "tools/host/detach_keys.hpp"

#include <fmt/format.h>

#include <optional>

namespace rouse::host {
namespace {

std::optional<char> to_key(std::string_view word) {
    constexpr std::string_view prefix = "ctrl-";
    constexpr unsigned char control_bits = 0x1f;
    if (word.size() == 1) return word.front();
    if (word.size() != prefix.size() + 1 || !word.starts_with(prefix)) return std::nullopt;
    const char key = word.back();
    const bool is_letter = key >= 'a' && key <= 'z';
    const bool is_sign = std::string_view("@[\\]^_").find(key) != std::string_view::npos;
    if (!is_letter && !is_sign) return std::nullopt;
    return static_cast<char>(static_cast<unsigned char>(key) & control_bits);
}

} // namespace

Outcome<std::string> parse_detach_keys(std::string_view text) {
    std::string keys;
    const auto done = [&keys] { return Outcome<std::string>(boost::system::in_place_value, keys); };
    if (text.empty()) return done();
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view word = text.substr(0, comma);
        const std::optional<char> key = to_key(word);
        if (!key)
            return Failure(fmt::format("detach keys: '{}' is neither a character nor ctrl- and one "
                                       "of a-z @ [ \\ ] ^ _",
                                       word));
        keys += *key;
        if (comma == std::string_view::npos) return done();
        text.remove_prefix(comma + 1);
    }
}

std::string DetachKeys::feed(std::string_view typed) {
    std::string passed;
    for (const char key : typed) {
        if (seen()) break;
        if (!keys_.empty() && key == keys_[matched_]) {
            ++matched_;
            continue;
        }
        // What was held back was not meant; this key may begin anew.
        passed += keys_.substr(0, std::exchange(matched_, 0));
        if (!keys_.empty() && key == keys_.front())
            matched_ = 1;
        else
            passed += key;
    }
    return passed;
}

} // namespace rouse::host
