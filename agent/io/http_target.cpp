#include "agent/io/http_target.hpp"

#include <charconv>
#include <utility>

namespace rouse::io {

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded.push_back(text[i]);
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const char* begin = text.data() + i + 1;
        unsigned value = 0;
        const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
        if (error != std::errc() || end != begin + 2) return std::nullopt;
        decoded.push_back(static_cast<char>(value));
        i += 2;
    }
    return decoded;
}

bool read_target(std::string_view target, HttpRequest& request) {
    if (!target.starts_with('/')) return false;
    const auto question = target.find('?');
    std::optional<std::string> path = percent_decode(target.substr(0, question));
    if (!path) return false;
    request.path = std::move(*path);
    std::string_view rest =
        question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(pair.size() == rest.size() ? pair.size() : pair.size() + 1);
        const auto equals = pair.find('=');
        const std::optional<std::string> name = percent_decode(pair.substr(0, equals));
        const std::optional<std::string> value = percent_decode(
            equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
        if (!name || !value) return false;
        if (!name->empty()) request.query.insert_or_assign(*name, *value);
    }
    return true;
}

} // namespace rouse::io
