#include "agent/io/http_client.hpp"

#include "agent/io/connect.hpp"
#include "agent/io/race.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace rouse::io {

namespace {

/// The whole request leaves in one write: small servers expect it in one segment.
std::string question_wire(const HttpQuestion& question) {
    std::string wire = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", question.method,
                                   question.target, question.host);
    for (const auto& [name, value] : question.headers)
        wire += fmt::format("{}: {}\r\n", name, value);
    return wire + "Connection: close\r\n\r\n";
}

Awaitable<sys::Result<HttpAnswer>> read_answer(Socket& socket, std::size_t body_limit) {
    HttpAnswerParser parser(body_limit);
    std::array<char, 4096> chunk{};
    std::string received;
    auto state = HttpAnswerParser::State::incomplete;
    while (state == HttpAnswerParser::State::incomplete) {
        auto read = co_await socket.async_read_some(asio::buffer(chunk), no_throw);
        const auto& [error, count] = read;
        if (error && error != asio::error::eof) co_return error;
        received.append(chunk.data(), count);
        state = parser.feed(received);
        if (error && state == HttpAnswerParser::State::incomplete) state = parser.finish();
    }
    if (state == HttpAnswerParser::State::failed) co_return parser.failure();
    co_return parser.take();
}

Awaitable<sys::Result<HttpAnswer>> exchange(Executor executor, Address address, std::string wire,
                                            HttpBudget budget) {
    Awaitable<sys::Result<Socket>> connecting =
        connect(std::move(executor), std::move(address), budget.deadline);
    sys::Result<Socket> socket = co_await std::move(connecting);
    if (!socket) co_return socket.error();
    auto written = co_await asio::async_write(*socket, asio::buffer(wire), no_throw);
    const error_code error = std::get<0>(written);
    if (error) co_return error;
    Awaitable<sys::Result<HttpAnswer>> reading = read_answer(*socket, budget.body_limit);
    co_return co_await std::move(reading);
}

} // namespace

Awaitable<sys::Result<HttpAnswer>> ask(Executor executor, Address address, HttpQuestion question,
                                       HttpBudget budget) {
    Awaitable<sys::Result<HttpAnswer>> exchanging =
        exchange(std::move(executor), std::move(address), question_wire(question), budget);
    auto timed = with_deadline(std::move(exchanging), budget.deadline);
    std::optional<sys::Result<HttpAnswer>> answer = co_await std::move(timed);
    if (!answer) co_return sys::error_from(ETIMEDOUT);
    co_return std::move(*answer);
}

} // namespace rouse::io
