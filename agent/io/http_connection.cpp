#include "agent/io/http_connection.hpp"

#include "agent/io/http_parser.hpp"
#include "agent/io/http_reply.hpp"
#include "agent/io/http_routing.hpp"
#include "agent/io/packet_cap.hpp"
#include "agent/io/race.hpp"
#include "proto/chunked.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <utility>

namespace rouse::io {

namespace {

/// What a client may send ahead while its request is being handled.
constexpr std::size_t read_ahead = 64 * 1024;

Awaitable<> run_to_reply(const HttpHandler& handler, HttpRequest request,
                         std::optional<HttpReply>& reply) {
    try {
        Awaitable<HttpReply> running = handler(std::move(request));
        reply = co_await std::move(running);
    } catch (const std::exception& error) {
        if (is_cancellation(std::current_exception())) throw;
        reply = HttpReply::error(500, "internal", error.what());
    }
}

} // namespace

HttpConnection::HttpConnection(const HttpRoutes& routes, const HttpDeadlines& deadlines,
                               const std::string& token, HttpCounters& counters, Socket& socket,
                               ConnectionRegistry::Registration& registration)
    : routes_(routes), deadlines_(deadlines), token_(token), counters_(counters), socket_(socket),
      registration_(registration) {}

Awaitable<> HttpConnection::serve() {
    bool first = true;
    Next next = Next::another_request;
    while (next == Next::another_request) {
        Awaitable<Next> serving = serve_one(first);
        next = co_await std::move(serving);
        first = false;
    }
}

Awaitable<HttpConnection::Next> HttpConnection::serve_one(bool first) {
    // Who has just connected is about to send a request; who has been served may stay for a while.
    if (!first && received_.empty()) {
        registration_.set_idle(true);
        Awaitable<bool> waiting = with_deadline(await_first_byte(), deadlines_.idle);
        const bool in_time = co_await std::move(waiting);
        registration_.set_idle(false);
        if (!in_time || received_.empty()) co_return Next::close;
    }
    HttpParser parser;
    HttpReply failure;
    Awaitable<Read> reading = read_request(parser, failure);
    const Read read = co_await std::move(reading);
    if (read == Read::closed) co_return Next::close;
    std::optional<HttpRequest> request;
    if (read == Read::request || read == Read::streaming) {
        request = parser.take();
        if (!request) failure = parser.failure();
    }
    if (!request) {
        ++counters_.bad_requests;
        failure.close = true;
        Awaitable<Next> refusing = send_reply(std::move(failure));
        co_return co_await std::move(refusing);
    }
    ++counters_.requests;
    request->connection = registration_.id();
    if (!request->generation.empty()) registration_.name_generation(request->generation);
    chunks_ = parser.chunks();
    Awaitable<Next> responding = read == Read::streaming
                                     ? respond_streaming(std::move(*request), parser)
                                     : respond(std::move(*request), parser.keep_alive());
    co_return co_await std::move(responding);
}

Awaitable<HttpConnection::Read> HttpConnection::read_request(HttpParser& parser,
                                                             HttpReply& failure) {
    Read outcome = Read::closed;
    Awaitable<bool> header = with_deadline(read_header(parser, outcome), deadlines_.header);
    bool in_time = co_await std::move(header);
    if (in_time && outcome == Read::request) {
        if (streaming_route(parser) != nullptr) co_return Read::streaming;
        if (parser.check_length() == HttpParser::State::failed) {
            failure = parser.failure();
            co_return Read::failed;
        }
        if (parser.expects_continue()) {
            Awaitable<bool> sending = send(continue_reply(), deadlines_.write);
            const bool sent = co_await std::move(sending);
            if (!sent) co_return Read::closed;
        }
        Awaitable<bool> body = with_deadline(read_body(parser, outcome), deadlines_.body);
        in_time = co_await std::move(body);
    }
    if (in_time && outcome == Read::failed) failure = parser.failure();
    if (in_time) co_return outcome;
    failure = HttpReply::error(408, "too_slow", "the request did not arrive in time");
    co_return Read::failed;
}

Awaitable<> HttpConnection::read_header(HttpParser& parser, Read& outcome) {
    while (true) {
        const HttpParser::State state = parser.feed_header(received_);
        outcome = state == HttpParser::State::failed ? Read::failed : Read::request;
        if (outcome == Read::failed || parser.header_complete()) co_return;
        Awaitable<bool> receiving = receive();
        const bool more = co_await std::move(receiving);
        outcome = Read::closed;
        if (!more) co_return;
    }
}

Awaitable<> HttpConnection::read_body(HttpParser& parser, Read& outcome) {
    while (true) {
        const HttpParser::State state = parser.feed(received_);
        outcome = state == HttpParser::State::failed ? Read::failed : Read::request;
        if (state != HttpParser::State::incomplete) co_return;
        Awaitable<bool> receiving = receive();
        const bool more = co_await std::move(receiving);
        outcome = Read::closed;
        if (!more) co_return;
    }
}

Awaitable<> HttpConnection::await_first_byte() {
    Awaitable<bool> receiving = receive();
    (void)co_await std::move(receiving); // The caller looks at what was received.
}

Awaitable<bool> HttpConnection::receive() {
    // The end is told once: a read behind it would wait for its deadline.
    if (ended_) co_return false;
    auto read = co_await socket_.async_read_some(asio::buffer(chunk_), no_throw);
    const auto& [error, count] = read;
    ended_ = error && error != asio::error::operation_aborted;
    if (error) co_return false;
    received_.append(chunk_.data(), count);
    co_return true;
}

Awaitable<HttpConnection::Next> HttpConnection::respond(HttpRequest request, bool keep_alive) {
    Awaitable<std::optional<HttpReply>> answering = answer(std::move(request));
    std::optional<HttpReply> reply = co_await std::move(answering);
    if (!reply) co_return Next::close;
    reply->close = reply->close || !keep_alive;
    Awaitable<Next> sending = send_reply(std::move(*reply));
    co_return co_await std::move(sending);
}

Awaitable<std::optional<HttpReply>> HttpConnection::answer(HttpRequest request) {
    const HttpRoute* const route = find_route(routes_, request);
    std::optional<HttpReply> refusal = refuse_stranger(route, request);
    if (refusal) co_return refusal;
    if (route == nullptr) co_return no_route(request);
    const bool asks = route->upgrade && !request.upgrade.empty();
    Awaitable<std::optional<HttpReply>> answering =
        asks ? upgrade(*route, std::move(request))
             : run_handler(route->handler, std::move(request));
    co_return co_await std::move(answering);
}

Awaitable<std::optional<HttpReply>> HttpConnection::upgrade(const HttpRoute& route,
                                                            HttpRequest request) {
    if (request.upgrade != route.upgrade_token) {
        HttpReply reply = HttpReply::error(426, "upgrade", "speaks only " + route.upgrade_token);
        reply.headers.emplace("Upgrade", route.upgrade_token);
        co_return reply;
    }
    if (route.before_upgrade) {
        Awaitable<std::optional<HttpReply>> asking = route.before_upgrade(request);
        std::optional<HttpReply> refusal = co_await std::move(asking);
        if (refusal) co_return refusal;
    }
    Awaitable<bool> switching = send(upgrade_reply(route.upgrade_token), deadlines_.write);
    const bool switched = co_await std::move(switching);
    if (!switched) co_return std::nullopt;
    registration_.rename("stream");
    Awaitable<> streaming = route.upgrade(std::move(request), socket_, std::move(received_));
    co_await std::move(streaming);
    co_return std::nullopt;
}

HttpReply HttpConnection::no_route(const HttpRequest& request) const {
    std::string allowed = allowed_methods(routes_, request.path);
    if (allowed.empty()) return HttpReply::error(404, "not_found", "there is no " + request.path);
    HttpReply reply = HttpReply::error(405, "method_not_allowed", "allowed: " + allowed);
    reply.headers.emplace("Allow", std::move(allowed));
    return reply;
}

Awaitable<std::optional<HttpReply>> HttpConnection::run_handler(const HttpHandler& handler,
                                                                HttpRequest request) {
    std::optional<HttpReply> reply;
    if (!handler) co_return HttpReply::error(426, "upgrade", "needs an Upgrade");
    Awaitable<Winner> racing =
        race(run_to_reply(handler, std::move(request), reply), watch_for_hang_up());
    const Winner winner = co_await std::move(racing);
    if (winner == Winner::second) reply.reset();
    co_return reply;
}

Awaitable<> HttpConnection::watch_for_hang_up() {
    while (received_.size() < read_ahead) {
        Awaitable<bool> receiving = receive();
        const bool more = co_await std::move(receiving);
        if (!more) co_return;
    }
    // The client sends ahead more than we keep. Errors are still seen.
    (void)co_await socket_.async_wait(Socket::wait_error, no_throw);
}

Awaitable<HttpConnection::Next> HttpConnection::send_reply(HttpReply reply) {
    reply.close = reply.close || (reply.stream && !chunks_);
    Awaitable<bool> sending = reply.stream ? send_streamed(reply) : send_whole(reply);
    const bool sent = co_await std::move(sending);
    if (!sent || !reply.close) co_return sent ? Next::another_request : Next::close;
    // A close with unread bytes resets the connection and takes the answer with it.
    error_code ignored; // The client may be gone already, and then there is nothing to wait for.
    socket_.shutdown(Socket::shutdown_send, ignored);
    Awaitable<bool> lingering = with_deadline(discard_until_end(), deadlines_.linger);
    (void)co_await std::move(lingering);
    co_return Next::close;
}

Awaitable<> HttpConnection::discard_until_end() {
    bool more = true;
    while (more) {
        received_.clear();
        Awaitable<bool> receiving = receive();
        more = co_await std::move(receiving);
    }
}

Awaitable<bool> HttpConnection::send_whole(const HttpReply& reply) {
    Awaitable<bool> sending = send(to_wire(reply), deadlines_.write);
    co_return co_await std::move(sending);
}

Awaitable<bool> HttpConnection::send_streamed(const HttpReply& reply) {
    Awaitable<bool> beginning = send(streamed_head(reply, chunks_), deadlines_.write);
    const bool begun = co_await std::move(beginning);
    if (!begun) co_return false;
    registration_.rename("http stream");
    bool sent = true;
    Awaitable<Winner> racing = race(run_stream(reply.stream, sent), watch_for_hang_up());
    const Winner winner = co_await std::move(racing);
    registration_.rename("http");
    if (winner == Winner::second || !sent) co_return false;
    if (!chunks_) co_return true;
    Awaitable<bool> ending = send(std::string(proto::last_chunk), deadlines_.write);
    co_return co_await std::move(ending);
}

Awaitable<> HttpConnection::run_stream(const HttpBody& stream, bool& sent) {
    const HttpSink sink = [this, &sent](std::string piece) {
        return send_piece(std::move(piece), sent);
    };
    Awaitable<> streaming = stream(sink);
    co_await std::move(streaming);
}

Awaitable<bool> HttpConnection::send_piece(std::string piece, bool& sent) {
    if (!sent || piece.empty()) co_return sent;
    Awaitable<bool> sending =
        send(chunks_ ? proto::encode_chunk(piece) : std::move(piece), deadlines_.piece);
    sent = co_await std::move(sending);
    co_return sent;
}

Awaitable<bool> HttpConnection::send(std::string bytes, std::chrono::milliseconds deadline) {
    error_code outcome;
    Awaitable<bool> sending = with_deadline(send_all(bytes, outcome), deadline);
    const bool in_time = co_await std::move(sending);
    co_return in_time && !outcome;
}

Awaitable<> HttpConnection::send_all(const std::string& bytes, error_code& outcome) {
    auto written =
        co_await asio::async_write(socket_, asio::buffer(bytes), AllInPackets(), no_throw);
    outcome = std::get<0>(written);
}

} // namespace rouse::io
