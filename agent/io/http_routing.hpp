#pragma once
// Which route answers a request.

#include "agent/io/http.hpp"

#include <string>

namespace rouse::io {

/// The route for the request's method and path, or null. A route whose path has parts in braces
/// ("/v1/sessions/{id}/wait") stands for every path with something, but no slash, in their place;
/// those parts are stored as the request's parameters. A route without braces wins.
const HttpRoute* find_route(const HttpRoutes& routes, HttpRequest& request);

/// The methods that have a route for this path, "GET, POST"; empty when none has.
std::string allowed_methods(const HttpRoutes& routes, const std::string& path);

} // namespace rouse::io
