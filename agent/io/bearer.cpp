#include "agent/io/bearer.hpp"

#include <cstddef>

namespace rouse::io {

namespace {

constexpr std::string_view scheme = "bearer ";

bool has_scheme(std::string_view authorization) {
    if (authorization.size() < scheme.size()) return false;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = authorization[i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower != scheme[i]) return false;
    }
    return true;
}

} // namespace

bool is_authorized(std::string_view authorization, std::string_view token) {
    if (token.empty() || !has_scheme(authorization)) return false;
    const std::string_view given = authorization.substr(scheme.size());
    unsigned difference = given.size() == token.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i)
        difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                            static_cast<unsigned char>(token[i % token.size()]));
    return difference == 0;
}

} // namespace rouse::io
