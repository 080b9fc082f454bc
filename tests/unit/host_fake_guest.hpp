#pragma once
// A guest as the host side sees it, played on Unix sockets in the test's own event loop.

#include "proto/frame.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/host/frame_stream.hpp"
#include "tools/host/target.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace rouse::test {

/// Runs a coroutine to its end; the test fails when it takes more than 10 s.
template <typename T>
T await(boost::asio::io_context& io, host::Awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr escaped;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T value) {
        escaped = std::move(thrown);
        if (!escaped) result.emplace(std::move(value));
    });
    REQUIRE(run_until(io, [&] { return result.has_value() || escaped; }));
    if (escaped) std::rethrow_exception(escaped);
    return std::move(*result);
}

/// The guest's exec port behind a Unix socket: for each connection it reads one piece and answers
/// with what `answer` returns; nothing closes the connection without an answer.
class FakeServer {
public:
    using Answer = std::function<std::optional<std::string>(const std::string& received)>;

    FakeServer(boost::asio::io_context& io, const std::string& path, Answer answer);

    /// What each connection sent first.
    [[nodiscard]] const std::deque<std::string>& received() const { return received_; }

private:
    struct Connection;

    void accept();

    boost::asio::local::stream_protocol::acceptor acceptor_;
    Answer answer_;
    std::deque<std::string> received_;
};

/// A whole HTTP answer with a JSON body.
std::string http_answer(unsigned status, const std::string& body);

/// The guest's end of a connection that it dials.
class FakeDialed {
public:
    /// `from`: the socket is bound to this path, by which the host may know it.
    FakeDialed(boost::asio::io_context& io, const std::string& path, const std::string& from = {});

    void send(proto::FrameType type, std::uint8_t stream, std::uint64_t offset,
              const std::string& payload, std::uint16_t flags = 0);
    /// Bytes that need not be a frame.
    void send_raw(const std::string& bytes);
    /// The next frame of the host that is no PING; nothing when the host closed. Answers PINGs.
    std::optional<proto::Frame> receive();
    /// From here on PINGs are answered so much later.
    void answer_pings_after(std::chrono::milliseconds delay) { ping_delay_ = delay; }
    /// Bytes that came and were not looked at yet.
    [[nodiscard]] std::size_t available() const { return socket_.available() + decoder_.pending(); }

private:
    void answer_ping(const std::string& payload);

    boost::asio::io_context& io_;
    boost::asio::local::stream_protocol::socket socket_;
    proto::FrameDecoder decoder_;
    std::chrono::milliseconds ping_delay_{};
};

} // namespace rouse::test
