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
        if (error) {
            failure_ = reply_to(error);
            failure_.close = true;
            return State::failed;
        }
        if (used == 0) break;
    }
    return parser.is_done() ? State::complete : State::incomplete;
}

/// Beast would make room for the whole body as soon as it knows the length.
HttpParser::State HttpParser::check_length() {
    length_checked_ = true;
    beast_->parser.body_limit(limits::http_body);
    if (beast_->parser.content_length().value_or(0) <= limits::http_body) return State::incomplete;
    failure_ = reply_to(http::error::body_limit);
    failure_.close = true;
    return State::failed;
}

HttpParser::State HttpParser::feed(std::string& bytes) {
    auto& parser = beast_->parser;
    State state = feed_header(bytes);
    if (state != State::incomplete || !parser.is_header_done()) return state;
    if (!length_checked_) state = check_length();
    while (state == State::incomplete && !parser.is_done() && !bytes.empty()) {
        error_code error;
        const std::size_t used = parser.put(asio::buffer(bytes), error);
        bytes.erase(0, used);
        if (error == http::error::need_more) return State::incomplete;
        if (error) {
            failure_ = reply_to(error);
            failure_.close = true;
            return State::failed;
        }
        if (used == 0 && !parser.is_done()) return State::incomplete;
    }
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
    return request;
}

std::optional<HttpRequest> HttpParser::take() {
    keep_alive_ = beast_->parser.get().keep_alive();
    chunks_ = beast_->parser.get().version() >= 11;
    std::optional<HttpRequest> request = head();
    if (!request) {
        failure_ = HttpReply::error(400, "malformed_request", "the target is no path");
        failure_.close = true;
        return std::nullopt;
    }
    request->body = std::move(beast_->parser.get().body());
    return request;
}

} // namespace rouse::io
