#include "tests/uml/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>

namespace rouse::uml {

using host::Awaitable;
using host::no_throw;
namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;

/// Firecracker's CONN_SHUTDOWN_TIMEOUT_MS: how long a guest has to answer SHUTDOWN.
constexpr auto shutdown_timeout = 2s;
constexpr std::size_t chunk_size = 16384;

} // namespace

Connection::Connection(host::Socket socket, Stream stream, Send send)
    : socket_(std::move(socket)), stream_(stream), send_(std::move(send)),
      guest_spoke_(socket_.get_executor(), host::Clock::time_point::max()),
      inbox_filled_(socket_.get_executor(), host::Clock::time_point::max()) {}

Awaitable<bool> Connection::accepted(host::Clock::time_point deadline) {
    while (stream_.state() == Stream::State::requested && host::Clock::now() < deadline) {
        guest_spoke_.expires_at(deadline);
        (void)co_await guest_spoke_.async_wait(no_throw); // expired or not: the loop looks
    }
    guest_spoke_.expires_at(host::Clock::time_point::max());
    co_return stream_.state() == Stream::State::open;
}

Awaitable<> Connection::run(std::string greeting) {
    using namespace asio::experimental::awaitable_operators;
    // A program that is already gone shows itself at the first read.
    (void)co_await asio::async_write(socket_, asio::buffer(greeting), no_throw);
    Awaitable<> up = to_guest();
    Awaitable<> down = from_guest();
    auto both = std::move(up) && std::move(down);
    co_await std::move(both);
}

Awaitable<> Connection::to_guest() {
    std::array<char, chunk_size> chunk{};
    while (!over()) {
        const std::size_t room = std::min<std::size_t>(stream_.credit(), chunk.size());
        if (room == 0) {
            send_(stream_.control(Op::credit_request));
            (void)co_await guest_spoke_.async_wait(no_throw); // the loop looks again
            continue;
        }
        auto done = co_await socket_.async_read_some(asio::buffer(chunk.data(), room), no_throw);
        const auto& [error, count] = done;
        if (over()) break;
        if (error) {
            Awaitable<> lingering = linger();
            co_await std::move(lingering);
            break;
        }
        send_(stream_.data(std::string(chunk.data(), count)));
    }
}

/// The host's program is gone: the guest has to close, and is told so once more if it does not.
Awaitable<> Connection::linger() {
    const auto deadline = host::Clock::now() + shutdown_timeout;
    send_(stream_.control(Op::shutdown, shutdown_both));
    while (!over() && host::Clock::now() < deadline) {
        guest_spoke_.expires_at(deadline);
        (void)co_await guest_spoke_.async_wait(no_throw);
    }
    if (!over()) abort();
}

Awaitable<> Connection::from_guest() {
    bool writable = true;
    while (!over()) {
        if (inbox_.empty() && stream_.state() == Stream::State::shut) {
            abort(); // RST is the answer to SHUTDOWN
            break;
        }
        const std::size_t count = std::min(inbox_.size(), drain_.bytes);
        if (count == 0 || !writable) {
            (void)co_await inbox_filled_.async_wait(no_throw); // the loop looks again
            continue;
        }
        const std::string chunk = inbox_.substr(0, count);
        auto done = co_await asio::async_write(socket_, asio::buffer(chunk), no_throw);
        if (over()) break;
        writable = !std::get<0>(done); // to_guest() sees the end as well, and acts
        inbox_.erase(0, count);
        if (auto update = stream_.consumed(static_cast<std::uint32_t>(count))) send_(*update);
        if (drain_.pause > 0ms) {
            host::Timer pause(socket_.get_executor(), drain_.pause);
            (void)co_await pause.async_wait(no_throw);
        }
    }
}

void Connection::take(Packet packet) {
    if (over()) return;
    if (!stream_.take(packet.header)) return abort();
    inbox_ += packet.payload;
    if (packet.is(Op::credit_request)) send_(stream_.credit_update());
    if (over()) return forget();
    wake();
}

void Connection::forget() {
    stream_.finish();
    host::error_code ignored; // the descriptor is gone either way
    socket_.close(ignored);
    wake();
}

void Connection::abort() {
    if (over()) return;
    send_(stream_.control(Op::rst));
    forget();
}

void Connection::set_drain(Drain drain) {
    drain_ = drain;
    wake();
}

void Connection::wake() {
    guest_spoke_.cancel();
    inbox_filled_.cancel();
}

} // namespace rouse::uml
