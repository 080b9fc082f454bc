#pragma once
// One connection of the HTTP server, from the accept to its end:
//
//   idle ──first byte──▶ header ──▶ body ──▶ handler ──▶ answer ──keep-alive──▶ idle
//     │ idle deadline      │ 400 408 413 431 501│ hang-up     │ upgrade
//     ▼                    ▼                    ▼             ▼
//   closed              answered, closed      closed     the upgrade handler's
//
// A handler that takes its body piece by piece begins behind the header and reads the body itself.

#include "agent/io/http_server.hpp"

#include <array>
#include <optional>
#include <string>

namespace rouse::io {

class HttpBodyReader;
class HttpParser;

class HttpConnection {
public:
    /// Borrows all; they outlive serve().
    HttpConnection(const HttpRoutes& routes, const HttpDeadlines& deadlines,
                   const std::string& token, HttpCounters& counters, Socket& socket,
                   ConnectionRegistry::Registration& registration);

    Awaitable<> serve();

private:
    enum class Read { request, streaming, failed, closed };
    enum class Next { another_request, close };

    Awaitable<Next> serve_one(bool first);
    Awaitable<Read> read_request(HttpParser& parser, HttpReply& failure);
    /// Reads until the parser is `done`; stores how that ended.
    Awaitable<> read_header(HttpParser& parser, Read& outcome);
    Awaitable<> read_body(HttpParser& parser, Read& outcome);
    Awaitable<> await_first_byte();
    Awaitable<bool> receive();
    Awaitable<Next> respond(HttpRequest request, bool keep_alive);
    /// The route of a request whose body its handler reads; null for all others. For a complete
    /// header.
    [[nodiscard]] const HttpRoute* streaming_route(const HttpParser& parser) const;
    /// Answers such a request (http_connection_body.cpp).
    Awaitable<Next> respond_streaming(HttpRequest request, const HttpParser& parser);
    Awaitable<> watch_behind(HttpBodyReader& body);
    /// The answer, unless the client went away or took the upgrade.
    Awaitable<std::optional<HttpReply>> answer(HttpRequest request);
    Awaitable<std::optional<HttpReply>> upgrade(const HttpRoute& route, HttpRequest request);
    /// Nothing when the client went away; then the handler was cancelled.
    Awaitable<std::optional<HttpReply>> run_handler(const HttpHandler& handler,
                                                    HttpRequest request);
    Awaitable<> watch_for_hang_up();
    Awaitable<Next> send_reply(HttpReply reply);
    Awaitable<bool> send_whole(const HttpReply& reply);
    Awaitable<bool> send_streamed(const HttpReply& reply);
    Awaitable<> run_stream(const HttpBody& stream, bool& sent);
    Awaitable<bool> send_piece(std::string piece, bool& sent);
    Awaitable<bool> send(std::string bytes, std::chrono::milliseconds deadline);
    Awaitable<> send_all(const std::string& bytes, error_code& outcome);
    Awaitable<> discard_until_end();
    /// 401 for a request that does not show the token, where one is needed.
    [[nodiscard]] std::optional<HttpReply> refuse_stranger(const HttpRoute* route,
                                                           const HttpRequest& request) const;
    /// Why a request without a route is not served.
    [[nodiscard]] HttpReply no_route(const HttpRequest& request) const;

    const HttpRoutes& routes_;
    const HttpDeadlines& deadlines_;
    const std::string& token_; ///< that a client has to show; empty: none
    HttpCounters& counters_;
    Socket& socket_;
    ConnectionRegistry::Registration& registration_;
    bool chunks_ = true;   ///< the client understands them
    bool ended_ = false;   ///< the client sends nothing more
    std::string received_; ///< read, but not yet part of a request
    std::array<char, 8192> chunk_{};
};

} // namespace rouse::io
