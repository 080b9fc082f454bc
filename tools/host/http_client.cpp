#include "tools/host/http_client.hpp"

#include "proto/fields.hpp"
#include "tools/host/close_at.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rouse::host {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint64_t longest_body = 16ULL * 1024 * 1024;
constexpr std::uint32_t longest_header = 64 * 1024;

http::request<http::string_body> to_request(const HttpQuestion& question,
                                            const std::string& token) {
    http::request<http::string_body> request;
    request.version(11);
    request.method_string(question.method);
    request.target(question.path);
    request.set(http::field::host, "guest");
    request.set(http::field::connection, question.upgrade.empty() ? "close" : "Upgrade");
    if (!question.upgrade.empty()) request.set(http::field::upgrade, question.upgrade);
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    if (!question.body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = question.body;
    request.prepare_payload();
    return request;
}

/// Sends the request and reads the answer's head, and its body unless the answer is an upgrade.
Awaitable<error_code> exchange(Socket& socket, http::request<http::string_body> request,
                               Parser& parser, beast::flat_buffer& buffer) {
    auto sent = co_await http::async_write(socket, request, no_throw);
    const error_code write_error = std::get<0>(sent);
    // A server that refuses a request may close before it has read all of it: read the answer.
    auto head = co_await http::async_read_header(socket, buffer, parser, no_throw);
    if (std::get<0>(head)) co_return write_error ? write_error : std::get<0>(head);
    if (parser.get().result() == http::status::switching_protocols) co_return error_code();
    auto body = co_await http::async_read(socket, buffer, parser, no_throw);
    co_return std::get<0>(body);
}

std::string describe_error(const CloseAt& guard, const error_code& error) {
    if (guard.expired()) return "no answer in time";
    if (error == http::error::end_of_stream) return "the connection was closed without an answer";
    return error.message();
}

struct Exchanged {
    Socket socket;
    HttpAnswer answer;
    std::string received;

    Exchanged(Socket connection, HttpAnswer said, std::string rest)
        : socket(std::move(connection)), answer(std::move(said)), received(std::move(rest)) {}
};

/// Seconds only: the other form of the field, a date, needs a clock that both sides share.
std::optional<std::chrono::seconds> retry_after(std::string_view text) {
    constexpr std::uint32_t longest = 3600;
    std::uint32_t seconds = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, seconds);
    if (text.empty() || error != std::errc() || last != end) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, longest));
}

Awaitable<Outcome<Exchanged>> ask(Socket socket, const HttpQuestion& question, const Target& target,
                                  Clock::time_point deadline) {
    CloseAt guard(socket, deadline);
    beast::flat_buffer buffer;
    Parser parser;
    parser.body_limit(longest_body);
    parser.header_limit(longest_header);
    http::request<http::string_body> request = to_request(question, target.token);
    const error_code error = co_await exchange(socket, std::move(request), parser, buffer);
    if (error)
        co_return Failure(fmt::format("'{}': {} {}: {}", target.text(), question.method,
                                      question.path, describe_error(guard, error)));
    guard.disarm();
    HttpAnswer answer{.status = parser.get().result_int(),
                      .body = parser.get().body(),
                      .retry_after = retry_after(parser.get()[http::field::retry_after])};
    std::string received = beast::buffers_to_string(buffer.data());
    co_return Exchanged(std::move(socket), std::move(answer), std::move(received));
}

} // namespace

Awaitable<HttpTry> http_try(Dialer& dialer, HttpQuestion question, Clock::time_point connected_by,
                            Clock::time_point answered_by) {
    constexpr unsigned switching_protocols = 101;
    HttpTry result;
    auto connected = co_await dialer.connect(dialer.target().exec_port, connected_by);
    result.connected = connected.has_value();
    if (!connected) {
        result.trouble = connected.error().message;
        co_return result;
    }
    auto exchanged = co_await ask(std::move(*connected), question, dialer.target(), answered_by);
    if (!exchanged)
        result.trouble = exchanged.error().message;
    else if (exchanged->answer.status != switching_protocols)
        result.answer = std::move(exchanged->answer);
    else
        result.upgraded = Upgraded{std::move(exchanged->socket), std::move(exchanged->received)};
    co_return result;
}

Awaitable<Outcome<HttpAnswer>> http_ask(Dialer& dialer, HttpQuestion question,
                                        Clock::time_point deadline) {
    HttpTry tried = co_await http_try(dialer, std::move(question), deadline, deadline);
    if (tried.answer) co_return std::move(*tried.answer);
    if (tried.upgraded)
        tried.trouble = fmt::format("'{}': answered with an upgrade", dialer.target().text());
    co_return Failure(std::move(tried.trouble));
}

namespace {

using StreamParser = http::response_parser<http::buffer_body>;

/// Hands the body on as it comes, or gathers it where the answer is a refusal.
Awaitable<Outcome<>> read_body(Socket& socket, beast::flat_buffer& buffer, StreamParser& parser,
                               HttpSink sink, HttpAnswer& answer) {
    constexpr unsigned ok = 200;
    constexpr std::size_t longest_refusal = 64 * 1024;
    std::array<char, 32 * 1024> bytes;
    while (!parser.is_done()) {
        parser.get().body().data = bytes.data();
        parser.get().body().size = bytes.size();
        auto read = co_await http::async_read_some(socket, buffer, parser, no_throw);
        const error_code error = std::get<0>(read);
        if (error && error != http::error::need_buffer) co_return Failure(error.message());
        const std::string_view got(bytes.data(), bytes.size() - parser.get().body().size);
        if (answer.status != ok) {
            answer.body += got;
            if (answer.body.size() > longest_refusal) break;
            continue;
        }
        if (got.empty()) continue;
        const auto taken = co_await sink(got);
        if (!taken) co_return taken.error();
        if (!*taken) break;
    }
    co_return Outcome<>();
}

} // namespace

Awaitable<Outcome<HttpAnswer>> http_read(Dialer& dialer, HttpQuestion question,
                                         Clock::time_point deadline, HttpSink sink) {
    auto connected = co_await dialer.connect(dialer.target().exec_port, deadline);
    if (!connected) co_return connected.error();
    Socket socket = std::move(*connected);
    CloseAt guard(socket, deadline);
    http::request<http::string_body> request = to_request(question, dialer.target().token);
    (void)co_await http::async_write(socket, request, no_throw); // the answer says what happened
    beast::flat_buffer buffer;
    StreamParser parser;
    parser.body_limit(boost::none);
    parser.header_limit(longest_header);
    auto head = co_await http::async_read_header(socket, buffer, parser, no_throw);
    const error_code error = std::get<0>(head);
    if (error)
        co_return Failure(fmt::format("'{}': {} {}: {}", dialer.target().text(), question.method,
                                      question.path, describe_error(guard, error)));
    guard.disarm();
    HttpAnswer answer{.status = parser.get().result_int(), .body = {}};
    const Outcome<> done = co_await read_body(socket, buffer, parser, std::move(sink), answer);
    if (!done)
        co_return Failure(fmt::format("'{}': {} {}: {}", dialer.target().text(), question.method,
                                      question.path, done.error().message));
    co_return answer;
}

std::string describe_answer(const HttpAnswer& answer) {
    const proto::Parsed<boost::json::value> body = proto::parse_json(answer.body);
    if (body && body->is_object()) {
        const boost::json::value* error = body->get_object().if_contains("error");
        const boost::json::object* members = error != nullptr ? error->if_object() : nullptr;
        const boost::json::value* message =
            members != nullptr ? members->if_contains("message") : nullptr;
        if (message != nullptr && message->is_string())
            return fmt::format("{} (status {})", std::string(message->get_string()), answer.status);
    }
    return fmt::format("status {}{}{}", answer.status, answer.body.empty() ? "" : ": ",
                       answer.body.substr(0, 500));
}

} // namespace rouse::host
