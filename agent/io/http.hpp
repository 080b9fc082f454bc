#pragma once
// HTTP as our handlers see it: plain values, no Beast. The server that speaks the wire is
// http_server.hpp.

#include "agent/io/async.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::io {

struct HttpRequest {
    std::string method; ///< "GET", "POST"
    std::string path;   ///< without the query
    std::map<std::string, std::string> query;
    std::map<std::string, std::string> parameters; ///< parts of the path that the route names
    std::string body;
    std::string upgrade;          ///< token of the Upgrade header, empty without one
    std::string authorization;    ///< the Authorization field, empty without one
    std::string generation;       ///< the Rouse-Generation field, empty without one
    std::uint64_t connection = 0; ///< id in the connection registry
};

/// Sends a piece of a body that has no known length. False: the client is gone, or takes nothing;
/// there is nothing more to send then.
using HttpSink = std::function<Awaitable<bool>(std::string piece)>;

/// Makes the body of an answer, piece by piece, for as long as it takes. Borrows the sink.
/// Cancelled when the client goes away; an exception cuts the body off, which the client sees.
using HttpBody = std::function<Awaitable<>(const HttpSink& send)>;

struct HttpReply {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json";
    bool close = false;                         ///< the connection ends after this answer
    std::map<std::string, std::string> headers; ///< beyond those that the server writes
    HttpBody stream;                            ///< instead of `body`, when it is not empty

    /// `{"error": {"kind": …, "message": …}}`.
    static HttpReply error(unsigned status, std::string_view kind, std::string_view message);
    /// The same with 503 and `Retry-After: 1`.
    static HttpReply retry_later(std::string_view kind, std::string_view message);
};

/// Answers one request. Cancelled when the client goes away.
using HttpHandler = std::function<Awaitable<HttpReply>(HttpRequest)>;

/// Takes over a connection after `101 Switching Protocols`. `received` are bytes that the client
/// has already sent beyond its request.
using UpgradeHandler =
    std::function<Awaitable<>(HttpRequest request, Socket& socket, std::string received)>;

/// Asked before `101 Switching Protocols`: an answer refuses the upgrade, nothing allows it. The
/// request is borrowed until it has answered.
using UpgradeCheck = std::function<Awaitable<std::optional<HttpReply>>(const HttpRequest&)>;

/// What came of a request's body.
struct HttpBodyPiece {
    enum class State {
        bytes,     ///< `bytes` has some
        end,       ///< the body is complete
        cut,       ///< the client is gone
        too_slow,  ///< nothing came in time
        malformed, ///< it is no chunked body
    };
    State state = State::cut;
    std::string bytes;
};

/// Waits for the next piece of a request's body, at most 64 KiB. Nothing is read from the client
/// but what is asked for here. After anything else than bytes it always says the same.
using HttpSource = std::function<Awaitable<HttpBodyPiece>()>;

/// Answers a request whose body has any length, and comes piece by piece. Borrows the source. An
/// answer before the end of the body ends the connection. Cancelled when the client goes away,
/// which is seen while it waits for a piece, and after the end of the body.
using HttpBodyHandler = std::function<Awaitable<HttpReply>(HttpRequest, const HttpSource& body)>;

struct HttpRoute {
    HttpHandler handler;          ///< may be empty where there is an upgrade
    UpgradeCheck before_upgrade;  ///< may be empty
    UpgradeHandler upgrade;       ///< may be empty
    std::string upgrade_token;    ///< which Upgrade the handler speaks
    HttpBodyHandler body_handler; ///< instead of `handler`, for bodies of any length; may be empty
    bool open = false;            ///< served without the server's token, too
};

/// "METHOD /path" → route; a part of the path may be a parameter, "{id}" (http_routing.hpp). Filled
/// once by Agent, then only read.
using HttpRoutes = std::map<std::string, HttpRoute>;

} // namespace rouse::io
