#include "tools/host/byte_relay.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>

#include <vector>

#include <poll.h>

namespace rouse::host {
namespace {

constexpr std::size_t relay_piece = 64 * 1024;

/// How one direction ended.
enum class RelayEnd { in_order, broken };

Awaitable<RelayEnd> relay_one_way(Socket& from, Socket& to) {
    std::vector<char> buffer(relay_piece);
    for (;;) {
        auto read = co_await from.async_read_some(asio::buffer(buffer), no_throw);
        const error_code error = std::get<0>(read);
        if (error == asio::error::eof) co_return RelayEnd::in_order;
        if (error) co_return RelayEnd::broken;
        auto written =
            co_await asio::async_write(to, asio::buffer(buffer, std::get<1>(read)), no_throw);
        if (std::get<0>(written)) co_return RelayEnd::broken;
    }
}

/// Whether the peer has closed for good, not only ended what it sends. TCP does not tell.
bool is_gone(Socket& socket) {
    pollfd asked{.fd = socket.native_handle(), .events = 0, .revents = 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

/// Both directions of one connection.
class Relay {
public:
    Relay(Socket& near, Socket& far, HalfClose half_close)
        : near_(near), far_(far), half_close_(half_close) {}

    Awaitable<> outward() {
        const RelayEnd end = co_await relay_one_way(near_, far_);
        error_code ignored; // a connection that is gone needs no end
        const bool passes_on = half_close_ == HalfClose::passed_on;
        if (end == RelayEnd::broken || (!passes_on && is_gone(near_)))
            close();
        else if (passes_on)
            (void)far_.shutdown(Socket::shutdown_send, ignored);
    }

    Awaitable<> inward() {
        const RelayEnd end = co_await relay_one_way(far_, near_);
        error_code ignored; // as above
        // A hybrid socket that ended has ended both ways.
        if (end == RelayEnd::broken || half_close_ == HalfClose::kept_back)
            close();
        else
            (void)near_.shutdown(Socket::shutdown_send, ignored);
    }

private:
    void close() {
        error_code ignored; // the descriptors are gone either way
        (void)near_.close(ignored);
        (void)far_.close(ignored);
    }

    Socket& near_;
    Socket& far_;
    HalfClose half_close_;
};

} // namespace

Awaitable<> relay_bytes(Socket& near, Socket& far, HalfClose half_close) {
    Relay relay(near, far, half_close);
    using namespace asio::experimental::awaitable_operators;
    Awaitable<> both = relay.outward() && relay.inward(); // a cancellation ends both
    co_await std::move(both);
}

} // namespace rouse::host
