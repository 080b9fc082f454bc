// Who is served what: routes with parameters, and the bearer token.

#include "agent/io/bearer.hpp"
#include "agent/io/http_routing.hpp"
#include "tests/unit/http_rig.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using io::is_authorized;

namespace {

io::Awaitable<io::HttpReply> tell_parameters(io::HttpRequest request) {
    io::HttpReply reply;
    for (const auto& [name, value] : request.parameters)
        reply.body += name + "=" + value + ";";
    co_return reply;
}

io::HttpRoutes session_like_routes() {
    io::HttpRoutes routes;
    for (const char* const name :
         {"GET /a", "GET /a/{id}", "GET /a/{id}/wait", "GET /a/fixed", "POST /a/{id}/{what}"})
        routes[name].handler = tell_parameters;
    return routes;
}

/// "id=7;", or "none" without a route.
std::string parameters_for(const std::string& method, const std::string& path) {
    const io::HttpRoutes routes = session_like_routes();
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    if (io::find_route(routes, request) == nullptr) return "none";
    std::string text;
    for (const auto& [name, value] : request.parameters)
        text += name + "=" + value + ";";
    return text;
}

} // namespace

TEST_CASE("a route may name parts of its path", "[io][http]") {
    CHECK(parameters_for("GET", "/a").empty());
    CHECK(parameters_for("GET", "/a/7") == "id=7;");
    CHECK(parameters_for("GET", "/a/7/wait") == "id=7;");
    CHECK(parameters_for("GET", "/a/fixed").empty());
    CHECK(parameters_for("POST", "/a/7/stop") == "id=7;what=stop;");
    CHECK(parameters_for("GET", "/a/") == "none");
    CHECK(parameters_for("GET", "/a//wait") == "none");
    CHECK(parameters_for("GET", "/a/7/other") == "none");
    CHECK(parameters_for("GET", "/a/7/wait/") == "none");
    CHECK(parameters_for("GET", "/a/{id}") == "id={id};");
    CHECK(parameters_for("GET", "") == "none");
    CHECK(io::allowed_methods(session_like_routes(), "/a/7/wait") == "GET, POST");
    CHECK(io::allowed_methods(session_like_routes(), "/b").empty());
}

TEST_CASE("a bearer token is right as a whole, or not at all", "[io][http]") {
    CHECK(is_authorized("Bearer secret-of-ours", "secret-of-ours"));
    CHECK(is_authorized("bearer secret-of-ours", "secret-of-ours"));
    for (const char* const wrong :
         {"", "Bearer", "Bearer ", "Bearer secret-of-our", "Bearer secret-of-ourss", "Basic secret",
          "Bearer secret-of-oursecret-of-ours", "secret-of-ours", "Bearer  secret-of-ours",
          "Bearer Secret-of-ours"})
        CHECK_FALSE(is_authorized(wrong, "secret-of-ours"));
    CHECK_FALSE(is_authorized("Bearer ", ""));
}

TEST_CASE("with a token, nothing but open routes is served without it", "[io][http]") {
    test::HttpRig rig;
    rig.routes["GET /shut"].handler = tell_parameters;
    rig.routes["GET /open"].handler = tell_parameters;
    rig.routes["GET /open"].open = true;
    rig.server.require_token("secret-of-ours");
    const auto ask = [&](const std::string& path, const std::string& field) -> auto& {
        // The line of the version is followed by the fields.
        test::HttpRig::Client& client = rig.ask(path, test::HttpRig::Reading::now, "1.1" + field);
        CHECK(rig.until([&] { return client.has_head() && client.whole(); }));
        return client;
    };
    CHECK(ask("/open", "").status() == 200);
    for (const char* const path : {"/shut", "/missing"}) {
        test::HttpRig::Client& refused = ask(path, "");
        CHECK(refused.status() == 401);
        CHECK(refused.received().find("WWW-Authenticate: Bearer") != std::string::npos);
    }
    CHECK(ask("/shut", "\r\nAuthorization: Bearer secret-of-ours").status() == 200);
    CHECK(ask("/shut", "\r\nAuthorization: Bearer secret-of-mine").status() == 401);
}
