#include "agent/io/http_parser.hpp"

#include "agent/io/http_target.hpp"
#include "proto/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include <utility>

namespace rouse::io {

namespace http = boost::beast::http;
namespace limits = proto::limits;

struct HttpParser::Beast {
    http::request_parser<http::string_body> parser;
};

namespace {

HttpReply reply_to(const error_code& error) {
    if (error == http::error::header_limit)
        return HttpReply::error(431, "header_too_large", "the header is above 16 KiB");
    if (error == http::error::body_limit)
        return HttpReply::error(413, "body_too_large", "the body is above 1 MiB");
    return HttpReply::error(400, "malformed_request", error.message());
}

/// What frames the body has to be understood: whoever guesses takes a body for the next request
/// (RFC 9112, section 6.1). Nothing where it is.
std::optional<HttpReply> framing_problem(const http::request<http::string_body>& message) {
    const auto encoding = message.find(http::field::transfer_encoding);
    if (encoding == message.end()) return std::nullopt;
    if (message.version() < 11)
        return HttpReply::error(400, "malformed_request", "HTTP/1.0 has no Transfer-Encoding");
    if (boost::beast::iequals(encoding->value(), "chunked")) return std::nullopt;
    return HttpReply::error(501, "transfer_encoding", "the only transfer coding is chunked");
}

} // namespace

HttpParser::HttpParser() : beast_(std::make_unique<Beast>()) {
    static_assert(limits::http_header == 16 * 1024 && limits::http_body == 1024 * 1024,
                  "the messages above say so");
    beast_->parser.header_limit(limits::http_header);
    // Not every route has it; it is set before the body is read.
    beast_->parser.body_limit(boost::none);
}

HttpParser::~HttpParser() = default;

HttpParser::State HttpParser::feed_header(std::string& bytes) {
    auto& parser = beast_->parser;
    while (!parser.is_header_done() && !bytes.empty()) {
        error_code error;
        const std::size_t used = parser.put(asio::buffer(bytes), error);
        bytes.erase(0, used);
        if (error == http::error::need_more) return State::incomplete;
        if (error) return fail(reply_to(error));
        if (used == 0) break;
        if (!parser.is_header_done()) continue;
        if (std::optional<HttpReply> problem = framing_problem(parser.get()))
            return fail(std::move(*problem));
    }
    return parser.is_done() ? State::complete : State::incomplete;
}

HttpParser::State HttpParser::fail(HttpReply reply) {
    failure_ = std::move(reply);
    failure_.close = true;
    return State::failed;
}

/// Beast would make room for the whole body as soon as it knows the length.
HttpParser::State HttpParser::check_length() {
    // Once: Beast counts down from the limit.
    if (std::exchange(length_checked_, true)) return State::incomplete;
    beast_->parser.body_limit(limits::http_body);
    if (beast_->parser.content_length().value_or(0) <= limits::http_body) return State::incomplete;
    return fail(reply_to(http::error::body_limit));
}

HttpParser::State HttpParser::feed(std::string& bytes) {
    auto& parser = beast_->parser;
    State state = feed_header(bytes);
    if (state != State::incomplete || !parser.is_header_done()) return state;
    state = check_length();
    while (state == State::incomplete && !parser.is_done() && !bytes.empty()) {
        error_code error;
        const std::size_t used = parser.put(asio::buffer(bytes), error);
        bytes.erase(0, used);
        if (error && error != http::error::need_more) return fail(reply_to(error));
        if (used == 0 && !parser.is_done()) break;
    }
    // The body itself was taken. Of what frames chunks Beast waits for the end, however long it is.
    if (state == State::incomplete && !parser.is_done() && bytes.size() > limits::http_header)
        return fail(HttpReply::error(431, "header_too_large",
                                     "the head of a chunk, or the trailer, is above 16 KiB"));
    return state == State::incomplete && parser.is_done() ? State::complete : state;
}

HttpParser::Framing HttpParser::framing() const {
    const auto& parser = beast_->parser;
    return {.chunked = parser.chunked(), .length = parser.content_length().value_or(0)};
}

bool HttpParser::header_complete() const {
    return beast_->parser.is_header_done();
}

bool HttpParser::expects_continue() const {
    if (!header_complete() || beast_->parser.is_done()) return false;
    return boost::beast::iequals(beast_->parser.get()[http::field::expect], "100-continue");
}

std::optional<HttpRequest> HttpParser::head() const {
    const auto& message = beast_->parser.get();
    HttpRequest request;
    if (!read_target(message.target(), request)) return std::nullopt;
    request.method = message.method_string();
    // The Upgrade header says something only where Connection names it (RFC 9110, section 7.8).
    if (http::token_list(message[http::field::connection]).exists("upgrade"))
        request.upgrade = message[http::field::upgrade];
    request.authorization = message[http::field::authorization];
    request.generation = message["Rouse-Generation"];
    return request;
}

std::optional<HttpRequest> HttpParser::take() {
    keep_alive_ = beast_->parser.get().keep_alive();
    chunks_ = beast_->parser.get().version() >= 11;
    std::optional<HttpRequest> request = head();
    if (!request) {
        failure_ =
            HttpReply::error(400, "malformed_request", "the target is no path, or escapes badly");
        failure_.close = true;
        return std::nullopt;
    }
    request->body = std::move(beast_->parser.get().body());
    return request;
}

} // namespace rouse::io
