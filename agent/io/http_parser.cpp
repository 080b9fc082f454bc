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
    beast_->parser.body_limit(limits::http_body);
}

HttpParser::~HttpParser() = default;

HttpParser::State HttpParser::feed(std::string& bytes) {
    auto& parser = beast_->parser;
    while (!parser.is_done() && !bytes.empty()) {
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
    return parser.is_done() ? State::complete : State::incomplete;
}

bool HttpParser::header_complete() const {
    return beast_->parser.is_header_done();
}

bool HttpParser::expects_continue() const {
    if (!header_complete() || beast_->parser.is_done()) return false;
    return boost::beast::iequals(beast_->parser.get()[http::field::expect], "100-continue");
}

std::optional<HttpRequest> HttpParser::take() {
    keep_alive_ = beast_->parser.get().keep_alive();
    chunks_ = beast_->parser.get().version() >= 11;
    auto message = beast_->parser.release();
    HttpRequest request;
    if (!read_target(message.target(), request)) {
        failure_ = HttpReply::error(400, "malformed_request", "the target is no path");
        failure_.close = true;
        return std::nullopt;
    }
    request.method = message.method_string();
    // The Upgrade header says something only where Connection names it (RFC 9110, section 7.8).
    if (http::token_list(message[http::field::connection]).exists("upgrade"))
        request.upgrade = message[http::field::upgrade];
    request.authorization = message[http::field::authorization];
    request.body = std::move(message.body());
    return request;
}

} // namespace rouse::io
