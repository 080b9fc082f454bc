// Head of line: a client that stops in the middle of a frame holds up nobody else.

#include "proto/frame_decoder.hpp"
#include "proto/limits.hpp"
#include "tests/process/agent.hpp"
#include "tests/process/hostile_rows.hpp"
#include "tests/support/stall_matrix.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <sys/ioctl.h>
#include <sys/socket.h>

using namespace rouse;
using test::FrameConnection;
using test::StallMatrix;

namespace {

/// How many bytes wait to be read.
int waiting_bytes(const test::Connection& connection) {
    int count = 0;
    if (::ioctl(connection.descriptor(), FIONREAD, &count) != 0) return -1;
    return count;
}

/// Waits until no more bytes come.
void wait_full(const test::Connection& connection) {
    int last = 0;
    test::wait_until(
        [&] {
            const int now = waiting_bytes(connection);
            const bool full = now > (64 << 10) && now == last;
            last = now;
            return full;
        },
        [&] { return fmt::format("{} bytes are there", last); }, test::patience);
}

FrameConnection stream_of(const test::Endpoint& guest, std::vector<std::string> argv) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    request.session.reattach_grace = std::chrono::milliseconds(0);
    FrameConnection stream = FrameConnection::exec(guest, request);
    (void)stream.expect(proto::FrameType::started);
    return stream;
}

/// How many bytes of a stream wait to be read, in whole frames. Takes none of them.
std::uint64_t waiting_data(const test::Connection& connection) {
    std::string bytes(static_cast<std::size_t>(std::max(waiting_bytes(connection), 0)), '\0');
    const ssize_t count =
        ::recv(connection.descriptor(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    proto::FrameDecoder decoder;
    decoder.append(
        std::string_view(bytes).substr(0, static_cast<std::size_t>(std::max<ssize_t>(count, 0))));
    std::uint64_t data = 0;
    for (auto frame = decoder.next().value(); frame; frame = decoder.next().value())
        data += frame->payload.size();
    return data;
}

/// The next bytes and no more.
std::string take_exactly(const test::Connection& connection, std::size_t count) {
    test::wait_until([&] { return waiting_bytes(connection) >= static_cast<int>(count); },
                     [&] { return fmt::format("{} bytes do not come", count); }, test::patience);
    std::string bytes(count, '\0');
    if (::recv(connection.descriptor(), bytes.data(), count, 0) != static_cast<ssize_t>(count))
        throw std::runtime_error("the stream has ended");
    return bytes;
}

/// A stream of which nothing was read behind STARTED.
test::Connection begun_stream(const test::Endpoint& guest, std::vector<std::string> argv) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    request.session.reattach_grace = std::chrono::milliseconds(0);
    test::Connection connection = guest.connect();
    const std::string body = boost::json::serialize(proto::to_json(request));
    if (!connection.send(test::upgrade_text("/v1/exec", body)))
        throw std::runtime_error("the connection has ended");
    std::string head;
    while (!head.ends_with("\r\n\r\n"))
        head += take_exactly(connection, 1);
    const std::string started = take_exactly(connection, proto::frame_header_size);
    const auto header = proto::decode(std::span<const char, proto::frame_header_size>(started));
    if (header.type != proto::FrameType::started) throw std::runtime_error("nothing has started");
    (void)take_exactly(connection, header.length); // what it says is not the point
    return connection;
}

/// Acknowledges what it does not read until the socket is full, then reads half a frame.
test::Connection stop_reading(const test::Endpoint& guest) {
    test::Connection stream = begun_stream(guest, test::payload({"sequence", "stdout", "64M"}));
    std::uint64_t acked = 0;
    const auto full = [&] {
        const std::uint64_t data = waiting_data(stream);
        if (std::exchange(acked, data) == data) return data > proto::limits::exec_window;
        (void)stream.send(test::frame_text(proto::FrameType::ack, proto::stream_id::out, data,
                                           R"({"window": 65536})")); // a full socket tells
        return false;
    };
    test::wait_until(
        full, [&] { return fmt::format("{} bytes came", acked); }, test::patience);
    (void)take_exactly(stream, 1000);
    return stream;
}

/// Sends the beginning of a frame and then nothing.
FrameConnection stop_sending(const test::Endpoint& guest) {
    FrameConnection stream = stream_of(guest, {"cat"});
    const std::string frame =
        proto::encode({.stream = proto::stream_id::in}, std::string(20'000, 'x'));
    if (!stream.connection().send(std::string_view(frame).substr(0, 10'000)))
        throw std::runtime_error("the stream has ended");
    return stream;
}

/// Asks for a long answer and reads nothing of it.
test::Connection stop_taking_answer(const test::Endpoint& guest) {
    proto::ExecRequest request;
    request.command.argv = test::payload({"sequence", "stdout", "1M"});
    test::Connection connection = guest.connect();
    if (!connection.send(test::request_text("POST", "/v1/exec",
                                            boost::json::serialize(proto::to_json(request)))))
        throw std::runtime_error("the connection has ended");
    wait_full(connection);
    return connection;
}

} // namespace

TEST_CASE("a client that stops in the middle of a frame holds up nobody else",
          "[hostile][process][alone]") {
    const test::AgentPlace place;
    auto host = std::make_unique<test::ScriptedHost>(place.socket());
    const test::Agent agent(place, test::payload({"stamps"}), test::stall_matrix_config);
    const test::Endpoint& guest = agent.endpoint();
    auto matrix = std::make_unique<StallMatrix>(*host, guest, test::payload({}).front());
    std::optional<test::Connection> reader;
    std::optional<FrameConnection> sender;
    std::optional<test::Connection> taker;
    const auto freeze = [&] {
        reader = stop_reading(guest);
        sender = stop_sending(guest);
        taker = stop_taking_answer(guest);
    };
    const auto thaw = [&] {
        reader.reset();
        sender.reset();
        taker.reset();
    };
    CHECK(matrix->complaints(freeze, thaw) == std::vector<std::string>());
    matrix.reset();
    host.reset();
}
