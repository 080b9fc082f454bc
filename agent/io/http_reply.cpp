#include "agent/io/http_reply.hpp"

#include "proto/text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace rouse::io {

HttpReply HttpReply::error(unsigned status, std::string_view kind, std::string_view message) {
    HttpReply reply;
    reply.status = status;
    const boost::json::object document{
        {"error", {{"kind", kind}, {"message", proto::as_utf8(message)}}}};
    reply.body = boost::json::serialize(document);
    return reply;
}

HttpReply HttpReply::retry_later(std::string_view kind, std::string_view message) {
    HttpReply reply = error(503, kind, message);
    reply.headers.emplace("Retry-After", "1");
    return reply;
}

std::string_view reason(unsigned status) {
    using Row = std::pair<unsigned, std::string_view>;
    static constexpr std::array rows{
        Row{200, "OK"},
        Row{201, "Created"},
        Row{202, "Accepted"},
        Row{204, "No Content"},
        Row{400, "Bad Request"},
        Row{401, "Unauthorized"},
        Row{403, "Forbidden"},
        Row{404, "Not Found"},
        Row{405, "Method Not Allowed"},
        Row{408, "Request Timeout"},
        Row{409, "Conflict"},
        Row{410, "Gone"},
        Row{413, "Content Too Large"},
        Row{426, "Upgrade Required"},
        Row{429, "Too Many Requests"},
        Row{431, "Request Header Fields Too Large"},
        Row{500, "Internal Server Error"},
        Row{501, "Not Implemented"},
        Row{503, "Service Unavailable"},
        Row{504, "Gateway Timeout"},
        Row{507, "Insufficient Storage"},
    };
    const auto* row = std::ranges::find(rows, status, &Row::first);
    return row == rows.end() ? "Unknown" : row->second;
}

namespace {

/// `framing` says how the end of the body is found.
std::string head(const HttpReply& reply, std::string_view framing) {
    std::string wire = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Connection: {}\r\n",
                                   reply.status, reason(reply.status), reply.content_type, framing,
                                   reply.close ? "close" : "keep-alive");
    for (const auto& [name, value] : reply.headers)
        wire += fmt::format("{}: {}\r\n", name, value);
    wire += "\r\n";
    return wire;
}

} // namespace

std::string to_wire(const HttpReply& reply) {
    return head(reply, fmt::format("Content-Length: {}\r\n", reply.body.size())) + reply.body;
}

std::string streamed_head(const HttpReply& reply, bool chunked) {
    return head(reply, chunked ? "Transfer-Encoding: chunked\r\n" : "");
}

std::string continue_reply() {
    return "HTTP/1.1 100 Continue\r\n\r\n";
}

std::string upgrade_reply(std::string_view token) {
    return fmt::format("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                       "Upgrade: {}\r\n\r\n",
                       token);
}

} // namespace rouse::io
