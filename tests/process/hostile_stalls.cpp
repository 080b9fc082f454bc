// Head of line: a client that stops in the middle of a frame holds up nobody else.

#include "proto/frame_decoder.hpp"
#include "proto/limits.hpp"
#include "proto/output.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/stall_matrix.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
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

/// Acknowledges what it does not read until the socket is full, then reads half a frame.
FrameConnection stop_reading(const test::Endpoint& guest) {
    FrameConnection stream = stream_of(guest, test::payload({"sequence", "stdout", "64M"}));
    std::uint64_t acked = 0;
    const auto full = [&] {
        const std::uint64_t data = waiting_data(stream.connection());
        if (std::exchange(acked, data) == data) return data > proto::limits::exec_window;
        const proto::Ack ack{.window = proto::limits::exec_window};
        (void)stream.send(proto::FrameType::ack, proto::to_json(ack), proto::stream_id::out,
                          data); // a full socket tells that it came
        return false;
    };
    test::wait_until(
        full, [&] { return fmt::format("{} bytes came", acked); }, test::patience);
    std::array<char, 1000> half{};
    if (::recv(stream.connection().descriptor(), half.data(), half.size(), 0) <= 0)
        throw std::runtime_error("the stream has ended");
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
    std::optional<FrameConnection> reader;
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
