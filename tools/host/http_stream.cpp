#include "tools/host/http_stream.hpp"

#include "proto/chunked.hpp"
#include "tools/host/close_at.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace rouse::host {
namespace {

constexpr std::size_t longest_head = 64 * 1024;
constexpr std::size_t longest_complaint = 64 * 1024;

struct Head {
    unsigned status = 0;
    bool chunked = false;
    std::string rest; ///< bytes of the body that came with it
};

/// Appends what comes next; false at the end of the connection.
Awaitable<bool> receive(Socket& socket, std::string& bytes) {
    std::array<char, 16384> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init)
    auto read = co_await socket.async_read_some(asio::buffer(buffer), no_throw);
    const auto& [error, count] = read;
    if (error) co_return false;
    bytes.append(buffer.data(), count);
    co_return true;
}

Awaitable<Outcome<Head>> ask(Socket& socket, const std::string& path, const std::string& token) {
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: guest\r\n{}Connection: close\r\n\r\n", path,
                    token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token));
    auto written = co_await asio::async_write(socket, asio::buffer(request), no_throw);
    (void)written; // A server that refuses may have closed; its answer can be read all the same.
    std::string text;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
        Awaitable<bool> receiving = receive(socket, text);
        const bool more = co_await std::move(receiving);
        if (!more || text.size() > longest_head) co_return Failure("no answer");
        end = text.find("\r\n\r\n");
    }
    Head head;
    constexpr std::size_t status_at = 9; // behind "HTTP/1.1 "
    if (!text.starts_with("HTTP/1.") || text.size() < status_at + 3)
        co_return Failure("the answer is no HTTP");
    (void)std::from_chars(text.data() + status_at, text.data() + status_at + 3, head.status);
    head.chunked = text.substr(0, end).find("Transfer-Encoding: chunked") != std::string::npos;
    head.rest = text.substr(end + 4);
    co_return head;
}

Awaitable<StreamEnd> take_body(Socket& socket, std::string bytes, const OnPiece& on_piece) {
    proto::ChunkDecoder chunks;
    for (;;) {
        std::string piece;
        const bool sound = chunks.feed(bytes, piece).has_value();
        if (!piece.empty() && !on_piece(piece)) co_return StreamEnd::unwanted;
        if (chunks.ended()) co_return StreamEnd::complete;
        if (!sound) co_return StreamEnd::cut;
        bytes.clear();
        Awaitable<bool> receiving = receive(socket, bytes);
        const bool more = co_await std::move(receiving);
        if (!more) co_return StreamEnd::cut;
    }
}

/// What an answer other than 200 says; its body ends with the connection.
Awaitable<std::string> complaint(Socket& socket, Head head) {
    bool more = true;
    while (more && head.rest.size() < longest_complaint) {
        Awaitable<bool> receiving = receive(socket, head.rest);
        more = co_await std::move(receiving);
    }
    co_return describe_answer({.status = head.status, .body = std::move(head.rest)});
}

} // namespace

Awaitable<Outcome<StreamEnd>> http_stream(Dialer& dialer, std::string path,
                                          Clock::time_point deadline, OnPiece on_piece) {
    auto connected = co_await dialer.connect(dialer.target().exec_port, deadline);
    if (!connected) co_return connected.error();
    Socket socket = std::move(*connected);
    CloseAt guard(socket, deadline);
    Awaitable<Outcome<Head>> asking = ask(socket, path, dialer.target().token);
    Outcome<Head> head = co_await std::move(asking);
    std::string why;
    if (!head) {
        why = guard.expired() ? "no answer in time" : head.error().message;
    } else if (head->status != 200 || !head->chunked) {
        Awaitable<std::string> reading = complaint(socket, std::move(*head));
        why = co_await std::move(reading);
    }
    if (!why.empty())
        co_return Failure(fmt::format("'{}': GET {}: {}", dialer.target().text(), path, why));
    guard.disarm();
    Awaitable<StreamEnd> taking = take_body(socket, std::move(head->rest), on_piece);
    const StreamEnd end = co_await std::move(taking);
    co_return end;
}

} // namespace rouse::host
