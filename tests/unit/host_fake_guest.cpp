#include "tests/unit/host_fake_guest.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>

namespace rouse::test {

namespace asio = boost::asio;
using boost::system::error_code;

/// Keeps itself alive through its handlers.
struct FakeServer::Connection : std::enable_shared_from_this<Connection> {
    Connection(asio::local::stream_protocol::socket accepted, FakeServer& owner)
        : socket(std::move(accepted)), server(owner) {}

    void serve() {
        socket.async_read_some(
            asio::buffer(buffer), [self = shared_from_this()](error_code error, std::size_t count) {
                if (error) return;
                const std::string text(self->buffer.data(), count);
                self->server.received_.push_back(text);
                if (std::optional<std::string> answer = self->server.answer_(text)) {
                    self->output = std::move(*answer);
                    asio::async_write(self->socket, asio::buffer(self->output),
                                      [self](error_code failed, std::size_t) {
                                          if (!failed) self->serve();
                                      });
                }
            });
    }

    asio::local::stream_protocol::socket socket;
    FakeServer& server;
    std::array<char, 65536> buffer{};
    std::string output;
};

FakeServer::FakeServer(asio::io_context& io, const std::string& path, Answer answer)
    : acceptor_(io, asio::local::stream_protocol::endpoint(path)), answer_(std::move(answer)) {
    accept();
}

void FakeServer::accept() {
    acceptor_.async_accept([this](error_code error, asio::local::stream_protocol::socket socket) {
        if (error) return;
        std::make_shared<Connection>(std::move(socket), *this)->serve();
        accept();
    });
}

std::string http_answer(unsigned status, const std::string& body) {
    return fmt::format("HTTP/1.1 {} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                       status, body.size(), body);
}

FakeDialed::FakeDialed(asio::io_context& io, const std::string& path, const std::string& from)
    : io_(io), socket_(io), decoder_(proto::limits::control_frame) {
    if (!from.empty()) {
        socket_.open(asio::local::stream_protocol());
        socket_.bind(asio::local::stream_protocol::endpoint(from));
    }
    socket_.connect(asio::local::stream_protocol::endpoint(path));
}

void FakeDialed::send(proto::FrameType type, std::uint8_t stream, std::uint64_t offset,
                      const std::string& payload, std::uint16_t flags) {
    proto::FrameHeader header;
    header.type = type;
    header.stream = stream;
    header.flags = flags;
    header.offset = offset;
    send_raw(proto::encode(header, payload));
}

void FakeDialed::send_raw(const std::string& bytes) {
    bool sent = false;
    asio::async_write(socket_, asio::buffer(bytes), [&](error_code, std::size_t) { sent = true; });
    REQUIRE(run_until(io_, [&] { return sent; }));
}

void FakeDialed::answer_ping(const std::string& payload) {
    asio::steady_timer delay(io_, ping_delay_);
    bool over = false;
    delay.async_wait([&](error_code) { over = true; });
    REQUIRE(run_until(io_, [&] { return over; }));
    send(proto::FrameType::pong, proto::stream_id::none, 0, payload);
}

std::optional<proto::Frame> FakeDialed::receive() {
    std::array<char, 65536> buffer{};
    for (;;) {
        auto next = decoder_.next();
        REQUIRE(next.has_value());
        if (*next && (*next)->header.type == proto::FrameType::ping) {
            answer_ping((*next)->payload);
            continue;
        }
        if (*next) return std::move(*next);
        std::optional<std::size_t> count;
        bool closed = false;
        socket_.async_read_some(asio::buffer(buffer), [&](error_code error, std::size_t read) {
            count = read;
            closed = error.failed();
        });
        REQUIRE(run_until(io_, [&] { return count.has_value(); }));
        if (closed) return std::nullopt;
        decoder_.append(std::string_view(buffer.data(), *count));
    }
}

} // namespace rouse::test
