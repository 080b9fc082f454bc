#include "agent/io/http_answer.hpp"

#include "proto/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <utility>

namespace rouse::io {

namespace beast_http = boost::beast::http;

struct HttpAnswerParser::Beast {
    beast_http::response_parser<beast_http::string_body> parser;
};

HttpAnswerParser::HttpAnswerParser(std::size_t body_limit) : beast_(std::make_unique<Beast>()) {
    beast_->parser.header_limit(proto::limits::http_header);
    beast_->parser.body_limit(body_limit);
    beast_->parser.eager(true);
}

HttpAnswerParser::~HttpAnswerParser() = default;

HttpAnswerParser::State HttpAnswerParser::fail(const boost::system::error_code& error) {
    failure_ = error;
    return State::failed;
}

HttpAnswerParser::State HttpAnswerParser::feed(std::string& bytes) {
    auto& parser = beast_->parser;
    while (!parser.is_done() && !bytes.empty()) {
        boost::system::error_code error;
        const std::size_t used = parser.put(boost::asio::buffer(bytes), error);
        bytes.erase(0, used);
        if (error == beast_http::error::need_more) break;
        if (error) return fail(error);
        if (used == 0) break;
    }
    // Of what frames chunks Beast waits for the end, however long it is.
    if (!parser.is_done() && bytes.size() > proto::limits::http_header)
        return fail(beast_http::error::header_limit);
    return parser.is_done() ? State::complete : State::incomplete;
}

HttpAnswerParser::State HttpAnswerParser::finish() {
    auto& parser = beast_->parser;
    if (parser.is_done()) return State::complete;
    if (!parser.got_some()) return fail(beast_http::error::end_of_stream);
    boost::system::error_code error;
    parser.put_eof(error);
    return error ? fail(error) : State::complete;
}

HttpAnswer HttpAnswerParser::take() {
    auto& message = beast_->parser.get();
    return {.status = message.result_int(), .body = std::move(message.body())};
}

} // namespace rouse::io
