#include "tools/host/http_transfer.hpp"

#include "tools/host/close_at.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace rouse::host {
namespace {

constexpr std::size_t most_head = 64 * 1024;
constexpr std::size_t most_answer = 1024 * 1024;
constexpr std::size_t receive_piece = 64 * 1024;
constexpr unsigned continue_status = 100;
constexpr unsigned ok_answer = 200;

/// Of a head's first line; nothing when it is no HTTP.
std::optional<unsigned> status_of(std::string_view head) {
    constexpr std::size_t status_at = 9; // behind "HTTP/1.1 "
    constexpr std::size_t digits = 3;
    unsigned status = 0;
    if (!head.starts_with("HTTP/1.") || head.size() < status_at + digits) return std::nullopt;
    const char* begin = head.data() + status_at;
    const auto [end, error] = std::from_chars(begin, begin + digits, status);
    if (error != std::errc() || end != begin + digits) return std::nullopt;
    return status;
}

} // namespace

std::string percent_encode(std::string_view text) {
    std::string encoded;
    for (const char letter : text) {
        const bool is_plain = (letter >= 'a' && letter <= 'z') ||
                              (letter >= 'A' && letter <= 'Z') ||
                              (letter >= '0' && letter <= '9') ||
                              std::string_view("-._~/").find(letter) != std::string_view::npos;
        if (is_plain)
            encoded += letter;
        else
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
    return encoded;
}

HttpTransfer::HttpTransfer(Dialer& dialer, std::string method, std::string path)
    : dialer_(dialer), method_(std::move(method)), path_(std::move(path)) {}

Failure HttpTransfer::failure(std::string_view why) const {
    return Failure(fmt::format("'{}': {} {}: {}", dialer_.target().text(), method_, path_, why));
}

Awaitable<Outcome<>> HttpTransfer::open(Body body, Clock::time_point deadline) {
    auto connected = co_await dialer_.connect(dialer_.target().exec_port, deadline);
    if (!connected) co_return connected.error();
    socket_.emplace(std::move(*connected));
    body_ = body;
    std::string head =
        fmt::format("{} {} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n", method_, path_);
    const std::string& token = dialer_.target().token;
    if (!token.empty()) head += fmt::format("Authorization: Bearer {}\r\n", token);
    if (body == Body::chunked)
        head += "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n";
    Awaitable<Outcome<>> writing = write(head + "\r\n");
    co_return co_await std::move(writing);
}

Awaitable<Outcome<>> HttpTransfer::write(std::string bytes) {
    CloseAt guard(*socket_, Clock::now() + piece_limit);
    auto done = co_await asio::async_write(*socket_, asio::buffer(bytes), no_throw);
    const error_code error = std::get<0>(done);
    if (guard.expired()) co_return failure("it takes no more");
    if (error) co_return failure(error.message());
    co_return Outcome<>();
}

Awaitable<bool> HttpTransfer::send(std::string_view piece) {
    if (piece.empty()) co_return true; // an empty chunk would be the end
    std::string chunk = fmt::format("{:x}\r\n", piece.size());
    chunk += piece;
    chunk += "\r\n";
    Awaitable<Outcome<>> writing = write(std::move(chunk));
    const Outcome<> written = co_await std::move(writing);
    co_return written.has_value();
}

/// Whether more has come; false at the end of the connection.
Awaitable<Outcome<bool>> HttpTransfer::receive() {
    std::vector<char> buffer(receive_piece);
    CloseAt guard(*socket_, Clock::now() + piece_limit);
    auto done = co_await socket_->async_read_some(asio::buffer(buffer), no_throw);
    const auto& [error, count] = done;
    if (guard.expired()) co_return failure("nothing comes");
    if (error == asio::error::eof) co_return false;
    if (error) co_return failure(error.message());
    text_.append(buffer.data(), count);
    co_return true;
}

Awaitable<Outcome<unsigned>> HttpTransfer::read_head() {
    for (;;) {
        const std::size_t end = text_.find("\r\n\r\n");
        if (end == std::string::npos) {
            if (text_.size() > most_head) co_return failure("the answer is no HTTP");
            const auto more = co_await receive();
            if (!more) co_return more.error();
            if (!*more) co_return failure("the connection was closed without an answer");
            continue;
        }
        const std::string head = text_.substr(0, end);
        text_.erase(0, end + 4);
        const auto status = status_of(head);
        if (!status) co_return failure("the answer is no HTTP");
        if (*status == continue_status) continue;
        answer_is_chunked_ = head.find("Transfer-Encoding: chunked") != std::string::npos;
        co_return *status;
    }
}

Awaitable<Outcome<HttpAnswer>> HttpTransfer::head() {
    const auto status = co_await read_head();
    if (!status) co_return status.error();
    HttpAnswer answer{.status = *status, .body = {}};
    if (*status == ok_answer) co_return answer;
    while (answer.body.size() < most_answer) {
        const auto piece = co_await read();
        if (!piece || piece->empty()) break; // what came is what we can tell
        answer.body += *piece;
    }
    co_return answer;
}

Awaitable<Outcome<HttpAnswer>> HttpTransfer::answer() {
    if (body_ == Body::chunked) {
        Awaitable<Outcome<>> writing = write("0\r\n\r\n");
        (void)co_await std::move(writing); // a guest that refused has answered already
    }
    auto answer = co_await head();
    if (!answer || answer->status != ok_answer) co_return answer;
    while (answer->body.size() < most_answer) {
        const auto piece = co_await read();
        if (!piece) co_return piece.error();
        if (piece->empty()) break;
        answer->body += *piece;
    }
    co_return answer;
}

/// A body without chunks ends with the connection, as we asked for.
Awaitable<Outcome<std::string>> HttpTransfer::read() {
    std::string piece;
    for (;;) {
        if (!answer_is_chunked_) {
            piece = std::exchange(text_, {});
        } else if (!chunks_.feed(std::exchange(text_, {}), piece)) {
            co_return failure("the answer's chunks are malformed");
        }
        const bool ended = answer_is_chunked_ && chunks_.ended();
        if (!piece.empty() || ended)
            co_return Outcome<std::string>(boost::system::in_place_value, std::move(piece));
        const auto more = co_await receive();
        if (!more) co_return more.error();
        if (!*more && answer_is_chunked_) co_return failure("the answer was cut off");
        if (!*more) co_return Outcome<std::string>(boost::system::in_place_value);
    }
}

} // namespace rouse::host
