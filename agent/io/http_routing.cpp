#include "agent/io/http_routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace rouse::io {

namespace {

using Parameters = std::map<std::string, std::string>;

/// The part up to the next slash; takes it off, slash included.
std::string_view next_part(std::string_view& path) {
    const auto slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    return part;
}

std::optional<Parameters> match_path(std::string_view pattern, std::string_view path) {
    if (std::count(pattern.begin(), pattern.end(), '/') !=
        std::count(path.begin(), path.end(), '/'))
        return std::nullopt;
    Parameters parameters;
    while (!pattern.empty()) {
        const std::string_view wanted = next_part(pattern);
        const std::string_view part = next_part(path);
        if (wanted.starts_with('{') && !part.empty())
            parameters.emplace(wanted.substr(1, wanted.size() - 2), part);
        else if (wanted != part)
            return std::nullopt;
    }
    return parameters;
}

std::pair<std::string_view, std::string_view> split_name(std::string_view name) {
    const auto space = name.find(' ');
    return {name.substr(0, space), name.substr(space + 1)};
}

} // namespace

const HttpRoute* find_route(const HttpRoutes& routes, HttpRequest& request) {
    const auto found = routes.find(fmt::format("{} {}", request.method, request.path));
    if (found != routes.end() && request.path.find('{') == std::string::npos) return &found->second;
    for (const auto& [name, route] : routes) {
        const auto [method, pattern] = split_name(name);
        if (method != request.method || pattern.find('{') == std::string_view::npos) continue;
        std::optional<Parameters> parameters = match_path(pattern, request.path);
        if (!parameters) continue;
        request.parameters = std::move(*parameters);
        return &route;
    }
    return nullptr;
}

std::string allowed_methods(const HttpRoutes& routes, const std::string& path) {
    std::string allowed;
    for (const auto& [name, route] : routes) {
        const auto [method, pattern] = split_name(name);
        if (!match_path(pattern, path)) continue;
        if (!allowed.empty()) allowed += ", ";
        allowed += method;
    }
    return allowed;
}

} // namespace rouse::io
