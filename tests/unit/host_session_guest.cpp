#include "tests/unit/host_session_guest.hpp"

#include "proto/link.hpp"
#include "proto/output.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace rouse::test {

namespace asio = boost::asio;
namespace json = boost::json;
using host::Awaitable;
using host::no_throw;
using proto::FrameType;

namespace {

constexpr std::size_t piece_size = 500;
constexpr std::uint64_t exit_code = 3;

std::string framed(FrameType type, std::uint8_t stream, std::uint64_t offset,
                   std::string_view payload) {
    return proto::encode(
        {.type = type, .stream = stream, .flags = 0, .length = 0, .offset = offset}, payload);
}

std::string framed(FrameType type, std::uint8_t stream, std::uint64_t offset,
                   const json::value& payload) {
    return framed(type, stream, offset, std::string_view(json::serialize(payload)));
}

std::size_t body_length(const std::string& head) {
    const std::string name = "Content-Length: ";
    const std::size_t at = head.find(name);
    std::size_t length = 0;
    if (at != std::string::npos)
        (void)std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
    return length;
}

} // namespace

struct SessionGuest::Connection {
    Connection(Stream::socket accepted, Cut where) : socket(std::move(accepted)), cut(where) {}

    /// Appends what comes; false at the end.
    Awaitable<bool> receive() {
        std::array<char, 65536> buffer{};
        auto read = co_await socket.async_read_some(asio::buffer(buffer), no_throw);
        if (std::get<0>(read)) co_return false;
        text.append(buffer.data(), std::get<1>(read));
        co_return true;
    }

    Stream::socket socket;
    Cut cut;
    std::string text;
    std::string line;
    std::string body;
    std::uint64_t sent_out = 0;
    std::uint64_t sent_err = 0;
    std::uint64_t acked_out = 0;
    std::uint64_t in_limit = 0;
    proto::FrameDecoder decoder;
};

SessionGuest::SessionGuest(asio::io_context& io, const std::string& path)
    : io_(io), acceptor_(io, Stream::endpoint(path)) {
    asio::co_spawn(io_, accept(), [](const std::exception_ptr&) {}); // ends with the loop
}

Awaitable<> SessionGuest::accept() {
    for (;;) {
        auto accepted = co_await acceptor_.async_accept(no_throw);
        if (std::get<0>(accepted)) co_return;
        asio::co_spawn(io_, serve(std::move(std::get<1>(accepted))),
                       [](const std::exception_ptr& escaped) {
                           if (escaped) std::rethrow_exception(escaped);
                       });
    }
}

Awaitable<> SessionGuest::serve(Stream::socket socket) {
    Connection connection(std::move(socket), {});
    if (!co_await read_request(connection)) co_return;
    if (connection.line.starts_with("CONNECT ")) {
        const std::string answer = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        (void)co_await asio::async_write(connection.socket, asio::buffer(answer), no_throw);
        co_return;
    }
    requests_.push_back(connection.line);
    bodies_.push_back(connection.body);
    if (!refusals.empty()) {
        const std::string answer = std::move(refusals.front());
        refusals.pop_front();
        (void)co_await asio::async_write(connection.socket, asio::buffer(answer), no_throw);
        co_return;
    }
    if (!cuts.empty()) {
        connection.cut = cuts.front();
        cuts.pop_front();
    }
    const bool begun = co_await begin(connection);
    if (begun) co_await converse(connection);
}

Awaitable<bool> SessionGuest::read_request(Connection& connection) {
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
        if (!co_await connection.receive()) co_return false;
        end = connection.text.find("\r\n\r\n");
        if (connection.text.starts_with("CONNECT ")) end = connection.text.find('\n');
    }
    const std::string head = connection.text.substr(0, end);
    const std::size_t length = body_length(head);
    while (connection.text.size() < end + 4 + length)
        if (head.starts_with("CONNECT ") || !co_await connection.receive()) break;
    connection.line = head.substr(0, head.find(" HTTP/"));
    if (!head.starts_with("CONNECT ")) connection.body = connection.text.substr(end + 4, length);
    connection.text.clear();
    co_return true;
}

Awaitable<bool> SessionGuest::begin(Connection& connection) {
    proto::AttachRequest from{.out = 0, .err = 0};
    if (connection.line == "POST /v1/exec") {
        const proto::ExecRequest request = proto::parse_exec_request(connection.body).value();
        if (id_.empty()) ++starts_;
        if (!id_.empty() && connection.body != body_) complain("the same id with another body");
        id_ = request.session.id;
        body_ = connection.body;
    } else {
        from = proto::parse_attach_request(connection.body).value();
        if (!id_.empty() && connection.line != fmt::format("POST /v1/sessions/{}/attach", id_))
            complain(connection.line);
    }
    const std::uint64_t wanted = from.out.value_or(oldest);
    connection.sent_out = std::max(wanted, oldest);
    connection.sent_err = from.err.value_or(0);
    connection.acked_out = connection.sent_out;
    connection.in_limit = in_.size() + proto::limits::exec_window;
    if (wanted > out.size() || connection.sent_err > err.size())
        complain("attached beyond the end");
    const proto::Started started{.pid = 5,
                                 .id = id_,
                                 .control = from.control,
                                 .tty = false,
                                 .in = in_.size(),
                                 .out = connection.sent_out,
                                 .err = connection.sent_err};
    std::string answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                         "Upgrade: rouse-stream.v1\r\n\r\n" +
                         framed(FrameType::started, 255, 0, to_json(started));
    if (wanted < oldest)
        answer += framed(FrameType::dropped, 1, wanted,
                         to_json(proto::Dropped{.count = oldest - wanted}));
    co_return co_await send(connection, std::move(answer));
}

/// False: the connection was cut on purpose. A client that is gone may have left frames behind.
Awaitable<bool> SessionGuest::send(Connection& connection, std::string bytes) {
    const bool whole = bytes.size() <= connection.cut.after_sent;
    if (!whole) bytes.resize(connection.cut.after_sent);
    if (connection.cut.after_sent != SIZE_MAX) connection.cut.after_sent -= bytes.size();
    (void)co_await asio::async_write(connection.socket, asio::buffer(bytes), no_throw);
    co_return whole;
}

Awaitable<bool> SessionGuest::send_outputs(Connection& connection) {
    const std::uint64_t window = connection.acked_out + proto::limits::exec_window;
    while (connection.sent_out < std::min<std::uint64_t>(out.size(), window)) {
        const std::string piece = out.substr(connection.sent_out, piece_size);
        std::string frame =
            framed(FrameType::data, 1, connection.sent_out, std::string_view(piece));
        if (!co_await send(connection, std::move(frame))) co_return false;
        connection.sent_out += piece.size();
    }
    if (connection.sent_err < err.size()) {
        const std::string_view piece = std::string_view(err).substr(connection.sent_err);
        std::string frame = framed(FrameType::data, 2, connection.sent_err, piece);
        if (!co_await send(connection, std::move(frame))) co_return false;
        connection.sent_err = err.size();
    }
    if (!in_ended_ || connection.sent_out < out.size()) co_return true;
    std::string end = last_word;
    if (end.empty()) {
        proto::ExitStatus status;
        status.code = exit_code;
        end = framed(FrameType::exit, 255, 0, to_json(status)) +
              framed(FrameType::eos, 1, out.size(), to_json(proto::EndOfStream{})) +
              framed(FrameType::eos, 2, err.size(), to_json(proto::EndOfStream{}));
    }
    co_return co_await send(connection, std::move(end));
}

Awaitable<> SessionGuest::converse(Connection& connection) {
    for (;;) {
        if (!co_await send_outputs(connection)) co_return;
        if (!co_await connection.receive()) co_return;
        const bool cut = connection.text.size() > connection.cut.after_received;
        if (cut) connection.text.resize(connection.cut.after_received);
        if (connection.cut.after_received != SIZE_MAX)
            connection.cut.after_received -= connection.text.size();
        connection.decoder.append(std::exchange(connection.text, {}));
        for (auto next = connection.decoder.next(); next.value(); next = connection.decoder.next())
            if (!co_await take(connection, std::move(**next))) co_return;
        if (cut) co_return;
    }
}

Awaitable<bool> SessionGuest::take(Connection& connection, proto::Frame frame) {
    switch (frame.header.type) {
    case FrameType::data:
    case FrameType::eos: {
        take_input(connection, frame);
        connection.in_limit = in_.size() + proto::limits::exec_window;
        const proto::Ack ack{.window = proto::limits::exec_window, .eos = in_ended_};
        co_return co_await send(connection, framed(FrameType::ack, 0, in_.size(), to_json(ack)));
    }
    case FrameType::ack:
        if (frame.header.stream == 1) {
            if (frame.header.offset < connection.acked_out) complain("ACK goes back");
            if (frame.header.offset > connection.sent_out) complain("ACK beyond what was sent");
            connection.acked_out = frame.header.offset;
        }
        co_return true;
    case FrameType::detach:
        (void)co_await send(connection, framed(FrameType::detach, 255, 0, json::object()));
        controls_.push_back(std::move(frame));
        co_return false;
    default:
        controls_.push_back(std::move(frame));
        co_return true;
    }
}

void SessionGuest::take_input(Connection& connection, const proto::Frame& frame) {
    if (frame.header.offset != in_.size())
        complain(fmt::format("stdin goes on at {} instead of {}", frame.header.offset, in_.size()));
    if (frame.header.type == FrameType::eos) {
        in_ended_ = true;
        return;
    }
    if (in_ended_) complain("stdin after its end");
    in_ += frame.payload;
    if (in_.size() > connection.in_limit) complain("more stdin than was granted");
}

} // namespace rouse::test
