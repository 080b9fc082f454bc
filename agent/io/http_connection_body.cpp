// Requests whose handler reads the body itself, and who is let in.

#include "agent/io/bearer.hpp"
#include "agent/io/http_body.hpp"
#include "agent/io/http_connection.hpp"
#include "agent/io/http_parser.hpp"
#include "agent/io/http_reply.hpp"
#include "agent/io/http_routing.hpp"
#include "agent/io/race.hpp"

#include <utility>

namespace rouse::io {

namespace {

Awaitable<> run_body_handler(const HttpBodyHandler& handler, HttpRequest request,
                             const HttpSource& body, std::optional<HttpReply>& reply) {
    try {
        Awaitable<HttpReply> running = handler(std::move(request), body);
        reply = co_await std::move(running);
    } catch (const std::exception& error) {
        if (is_cancellation(std::current_exception())) throw;
        reply = HttpReply::error(500, "internal", error.what());
    }
}

} // namespace

std::optional<HttpReply> HttpConnection::refuse_stranger(const HttpRoute* route,
                                                         const HttpRequest& request) const {
    const bool open = token_.empty() || (route != nullptr && route->open);
    if (open || is_authorized(request.authorization, token_)) return std::nullopt;
    HttpReply reply = HttpReply::error(401, "unauthorized", "needs the agent's bearer token");
    reply.headers.emplace("WWW-Authenticate", "Bearer");
    return reply;
}

const HttpRoute* HttpConnection::streaming_route(const HttpParser& parser) const {
    std::optional<HttpRequest> head = parser.head();
    const HttpRoute* const route = head ? find_route(routes_, *head) : nullptr;
    return route != nullptr && route->body_handler ? route : nullptr;
}

Awaitable<HttpConnection::Next> HttpConnection::respond_streaming(HttpRequest request,
                                                                  const HttpParser& parser) {
    const HttpRoute* const route = find_route(routes_, request);
    if (route == nullptr) co_return Next::close; // routes are never taken away
    if (std::optional<HttpReply> refusal = refuse_stranger(route, request)) {
        refusal->close = true; // The body was not read.
        Awaitable<Next> refusing = send_reply(std::move(*refusal));
        co_return co_await std::move(refusing);
    }
    HttpBodyReader::Continue go_on;
    if (parser.expects_continue())
        go_on = [this] { return send(continue_reply(), deadlines_.write); };
    HttpBodyReader body(socket_, received_, parser.framing(), deadlines_.body_piece,
                        std::move(go_on));
    const HttpSource source = [&body] { return body.next(); };
    std::optional<HttpReply> reply;
    registration_.rename("http stream");
    Awaitable<Winner> racing =
        race(run_body_handler(route->body_handler, std::move(request), source, reply),
             watch_behind(body));
    const Winner winner = co_await std::move(racing);
    registration_.rename("http");
    if (winner == Winner::second || !reply) co_return Next::close;
    reply->close = reply->close || !parser.keep_alive() || !body.complete();
    Awaitable<Next> sending = send_reply(std::move(*reply));
    co_return co_await std::move(sending);
}

/// Before its end the body belongs to the handler, who sees a hang-up when it asks for more.
Awaitable<> HttpConnection::watch_behind(HttpBodyReader& body) {
    Awaitable<> completing = body.wait_complete();
    co_await std::move(completing);
    Awaitable<> watching = watch_for_hang_up();
    co_await std::move(watching);
}

} // namespace rouse::io
