#include "agent/io/notify.hpp"

#include "agent/io/address.hpp"
#include "agent/io/connect.hpp"
#include "agent/io/race.hpp"
#include "agent/sys/datagram.hpp"
#include "agent/sys/unique_fd.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace rouse::io {

namespace {

using Kind = proto::NotifyAddress::Kind;

/// What is tried, in this order; as sd_notify(3) does it.
std::vector<int> socket_types(Kind kind) {
    switch (kind) {
    case Kind::vsock:
        return {SOCK_DGRAM, SOCK_SEQPACKET};
    case Kind::vsock_stream:
        return {SOCK_STREAM};
    case Kind::vsock_seqpacket:
        return {SOCK_SEQPACKET};
    default:
        return {SOCK_DGRAM};
    }
}

/// Whether the transport has no sockets of this type, so that another one may do.
bool is_unsupported(const error_code& error) {
    const int number = error.value();
    return number == ENODEV || number == EOPNOTSUPP || number == ESOCKTNOSUPPORT ||
           number == EPROTONOSUPPORT || number == EPROTOTYPE;
}

/// Until the other side has closed, or broken off: then it has what it wanted.
Awaitable<> await_close(Socket& socket) {
    std::array<char, 64> answer{}; // nobody says anything, by convention
    for (;;) {
        auto read = co_await socket.async_read_some(asio::buffer(answer), no_throw);
        const auto& [error, count] = read;
        if (error || count == 0) co_return;
    }
}

Awaitable<error_code> send_all(Socket& socket, std::string text, bool connected) {
    if (connected) {
        auto written = co_await asio::async_write(socket, asio::buffer(text), no_throw);
        const auto& [error, count] = written;
        if (error) co_return error;
        error_code ignored; // One that cannot be shut down is closed in a moment.
        socket.shutdown(Socket::shutdown_send, ignored);
        co_await await_close(socket);
        co_return error_code();
    }
    const ssize_t sent = ::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL);
    co_return sent < 0 ? sys::last_error() : error_code();
}

Awaitable<sys::Result<>> send_by(Executor executor, SocketAddress address, int type,
                                 std::string text, std::chrono::milliseconds deadline) {
    sys::UniqueFd fd(::socket(AF_VSOCK, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) co_return sys::last_error();
    bind_privileged_port(fd.get()); // So that nobody but root can say this in our name.
    const bool done = ::connect(fd.get(), address.get(), address.size) == 0;
    if (!done && errno != EINPROGRESS) co_return sys::last_error();
    Socket socket(executor);
    error_code assigned;
    socket.assign(asio::generic::stream_protocol(AF_VSOCK, 0), fd.get(), assigned);
    if (assigned) co_return assigned;
    (void)fd.release(); // The socket owns it now.
    if (!done) {
        Awaitable<std::optional<error_code>> waiting =
            with_deadline(await_connection(socket), deadline);
        const std::optional<error_code> outcome = co_await std::move(waiting);
        if (!outcome) co_return sys::error_from(ETIMEDOUT);
        if (*outcome) co_return *outcome;
    }
    Awaitable<error_code> sending = send_all(socket, std::move(text), type != SOCK_DGRAM);
    Awaitable<std::optional<error_code>> timed = with_deadline(std::move(sending), deadline);
    const std::optional<error_code> sent = co_await std::move(timed);
    if (sent && *sent) co_return *sent;
    co_return sys::Result<>();
}

} // namespace

Awaitable<sys::Result<>> notify(Executor executor, proto::NotifyAddress address, std::string text,
                                std::chrono::milliseconds deadline) {
    if (address.kind == Kind::unix_datagram) co_return sys::send_datagram(address.path, text);
    const std::optional<SocketAddress> native =
        to_socket_address(VsockAddress{.cid = address.cid, .port = address.port});
    if (!native) co_return sys::error_from(EINVAL);
    sys::Result<> sent = sys::error_from(EOPNOTSUPP);
    for (const int type : socket_types(address.kind)) {
        Awaitable<sys::Result<>> sending = send_by(executor, *native, type, text, deadline);
        sent = co_await std::move(sending);
        if (sent || !is_unsupported(sent.error())) break;
    }
    co_return sent;
}

} // namespace rouse::io
